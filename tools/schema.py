"""Writes docs/config.schema.json and the generated part of docs/configuration.md, from the settings models."""

import sys
from pathlib import Path

from tools import reference, stackschema

SCHEMA = Path("docs/config.schema.json")
PAGE = Path("docs/configuration.md")


def main() -> None:
    """Writes both files below the working directory."""
    SCHEMA.parent.mkdir(exist_ok=True)
    SCHEMA.write_text(stackschema.text())
    PAGE.write_text(reference.page(PAGE.read_text()))


if __name__ == "__main__":
    sys.exit(main())
