"""Renders the files in `config/` with values for their `$names`. A missing value is an error."""

import string
from pathlib import Path

CONFIG = Path(__file__).parent / "config"


def render(name: str, **values: object) -> str:
    """Fill a template; every `$name` in it must be given."""
    return string.Template((CONFIG / name).read_text()).substitute(values)
