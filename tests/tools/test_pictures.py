"""The pictures of the documentation are drawn from what was recorded."""

import re
import struct

import pytest

from tools.pictures.__main__ import FOLDER, pictures
from tools.pictures.terminal import steps, terminal
from tools.pictures.timeline import Task, timeline

DRAWN = pictures(FOLDER / "recorded")
GREEN, PURPLE, END = "\x1b[38;5;2m", "\x1b[38;5;13m\x1b[1m", "\x1b[0m"


@pytest.mark.parametrize("name", DRAWN)
def test_each_picture_shows_its_recording(name: str) -> None:
    assert (FOLDER / name).read_text() == DRAWN[name], "draw them again: python -m tools.pictures"


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_asks_nobody_for_anything(name: str) -> None:
    assert not re.search(r"url\(\"?http|href=|@import|<script", DRAWN[name])


def test_a_preview_shows_each_step_once_and_no_look_at_what_is_live() -> None:
    step = f" {GREEN}+ {END} kubernetes:core/v1:Service main"
    live = f" {GREEN}~ {END} dask:k8s:Cluster main refreshing"
    output = f"{live}\n{step} create\n{step} {GREEN}create{END} \n{PURPLE}Outputs:{END}\n    a: 1"

    shown = re.sub(r"\x1b\[[0-9;]*m", "", steps(output))

    assert shown.split() == ["+", "kubernetes:core/v1:Service", "main", "create", "Outputs:", "a:", "1"]


def test_a_terminal_shows_the_words_and_cuts_what_is_too_long() -> None:
    drawn = terminal(f"{GREEN}create{END}\n{'x' * 200}", "title")

    assert ">create<" in drawn
    assert "x…" in drawn
    assert ">title<" in drawn


def test_a_timeline_has_a_mark_for_each_task_and_a_row_for_each_worker() -> None:
    tasks = [Task("a-default-1", 0, 1, False), Task("a-default-1", 1, 2, True), Task("b-default-1", 3, 4, True)]

    drawn = timeline(tasks, {"begins": 0, "<moves>": 2.5})

    assert drawn.count('height="18"') == len(tasks)
    assert "old cluster, worker 1" in drawn
    assert "new cluster, worker 1" in drawn
    assert "&lt;moves&gt;" in drawn


def test_the_picture_of_the_dashboard_is_one_that_a_page_can_show() -> None:
    content = (FOLDER / "dashboard.png").read_bytes()
    width, height = struct.unpack(">II", content[16:24])

    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(content) < 150_000
    assert (width, height) > (800, 400)
