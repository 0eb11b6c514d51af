"""Draws every picture from docs/pictures/recorded: `python -m tools.pictures`. record.sh makes the recordings anew."""

import json
from pathlib import Path

from tools.pictures.terminal import steps, terminal
from tools.pictures.timeline import Task, timeline

FOLDER = Path(__file__).resolve().parents[2] / "docs/pictures"


def pictures(recorded: Path) -> dict[str, str]:
    """Each picture as SVG, by the name of its file."""
    update = json.loads((recorded / "update.json").read_text())
    tasks = [Task(*it) for it in update["tasks"]]
    return {
        "preview.svg": terminal(steps((recorded / "preview.ansi").read_text()), "pulumi preview"),
        "update.svg": timeline(tasks, update["moments"]),
    }


def main() -> None:
    for name, drawn in pictures(FOLDER / "recorded").items():
        (FOLDER / name).write_text(drawn)


if __name__ == "__main__":
    main()
