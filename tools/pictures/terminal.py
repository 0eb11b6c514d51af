"""Draws a terminal with the output of a command in it, in its colours."""

import io
import re

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

_COLUMNS = 104
# On white, with the contrast that small text needs: black, red, green, yellow, blue, magenta, cyan, white.
_COLOURS = [(36, 41, 47), (207, 34, 46), (17, 99, 41), (122, 78, 0), (9, 105, 218), (130, 80, 223), (27, 124, 131)]
_THEME = TerminalTheme((255, 255, 255), (36, 41, 47), [*_COLOURS, (87, 96, 106)], [*_COLOURS, (87, 96, 106)])
_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
_OUTPUTS = "\x1b[38;5;13m\x1b[1mOutputs:"
_STEP = re.compile(r"^ [+~-]+ +\S+:\S+ \S+ (create|update|delete|replace)\b")


def steps(output: str) -> str:
    """The steps of a preview, each once, and what follows them. The looks at what is live are not among them."""
    head, _, rest = output.partition(_OUTPUTS)
    plain = {_ESCAPE.sub("", line).rstrip(): line for line in head.splitlines()}
    kept = [line for words, line in plain.items() if _STEP.match(words)]
    return "\n".join([*kept, "", _OUTPUTS + rest])


def terminal(output: str, title: str) -> str:
    """The picture as SVG. Lines that are too long end in an ellipsis."""
    console = Console(record=True, width=_COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in output.rstrip().splitlines():
        text = Text.from_ansi(line)
        text.truncate(_COLUMNS, overflow="ellipsis")
        console.print(text, highlight=False, no_wrap=True)
    # Without the fonts that rich names, the picture asks nobody and shows the reader's own.
    return re.sub(
        r"@font-face \{.*?\}\n", "", console.export_svg(title=title, theme=_THEME, unique_id="t"), flags=re.DOTALL
    )
