"""Draws a blue/green update as it was measured: each task a mark, at its time, on its worker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

_LEFT, _WIDTH, _ROW, _TOP, _MARGIN = 210, 760, 30, 76, 16
_OLD, _NEW, _LATER, _TEXT = "#0969da", "#116329", "#bc4c00", "#24292f"
_FONT = 'font-family="system-ui, sans-serif"'


@dataclass(frozen=True)
class Task:
    """A task that a worker has computed, in seconds since the update began."""

    worker: str
    begin: float
    end: float
    newcomer: bool
    """Whether a client submitted it that connected after the update had begun."""


def timeline(tasks: Sequence[Task], moments: Mapping[str, float]) -> str:
    """The picture as SVG. `moments` are what happened, by its words, in seconds since the update began."""
    workers = sorted({task.worker for task in tasks}, key=lambda name: (_first(tasks, name), name))
    clusters = list(dict.fromkeys(_cluster(name) for name in workers))
    begin, end = min(0.0, *(it.begin for it in tasks)), max(*(it.end for it in tasks), *moments.values())
    bottom = _TOP + _ROW * len(workers)

    def x(seconds: float) -> float:
        return round(_LEFT + (seconds - begin) / (end - begin) * _WIDTH, 1)

    parts = [
        _text(_MARGIN, 22, "A blue/green update under load, as measured: each mark is one task", size=15, weight=600)
    ]
    parts += [_legend(_MARGIN, "of the client that was connected before", _OLD), _legend(300, "of new clients", _LATER)]
    for row, name in enumerate(workers):
        y = _TOP + _ROW * row
        which = "old" if _cluster(name) == clusters[0] else "new"
        parts.append(_text(_MARGIN, y + 17, f"{which} cluster, worker {1 + _rank(workers, row)}"))
        parts.append(f'<rect x="{_LEFT}" y="{y + 2}" width="{_WIDTH}" height="{_ROW - 6}" fill="#f6f8fa"/>')
        for it in (it for it in tasks if it.worker == name):
            fill = _LATER if it.newcomer else _OLD if which == "old" else _NEW
            width = max(2.0, x(it.end) - x(it.begin) - 1)
            parts.append(
                f'<rect x="{x(it.begin)}" y="{y + 5}" width="{width:.1f}" height="{_ROW - 12}" fill="{fill}"/>'
            )
    for number, (words, at) in enumerate(sorted(moments.items(), key=lambda it: it[1])):
        y = bottom + 22 + 18 * number
        parts.append(
            f'<line x1="{x(at)}" y1="{_TOP - 4}" x2="{x(at)}" y2="{y - 4}" stroke="{_TEXT}" stroke-dasharray="3 3"/>'
        )
        anchor = "end" if x(at) > _LEFT + _WIDTH / 2 else "start"
        parts.append(_text(x(at) + (-4 if anchor == "end" else 4), y, f"{at:.0f} s: {words}", anchor=anchor))
    return _svg(_LEFT + _WIDTH + _MARGIN, bottom + 22 + 18 * len(moments), parts)


def _first(tasks: Sequence[Task], worker: str) -> float:
    """When the worker began its first task."""
    return min(task.begin for task in tasks if task.worker == worker)


def _cluster(worker: str) -> str:
    return worker.partition("-default-")[0]


def _rank(workers: Sequence[str], row: int) -> int:
    """How many workers of the same cluster have a row above."""
    return sum(_cluster(name) == _cluster(workers[row]) for name in workers[:row])


def _legend(left: int, words: str, fill: str) -> str:
    return f'<rect x="{left}" y="40" width="12" height="12" fill="{fill}"/>' + _text(left + 18, 51, words)


def _text(x: float, y: float, words: str, *, size: int = 13, weight: int = 400, anchor: str = "start") -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" fill="{_TEXT}">'
        f"{escape(words)}</text>"
    )


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {_FONT}>'
    return "\n".join([head, f'<rect width="{width}" height="{height}" fill="#ffffff"/>', *parts, "</svg>", ""])
