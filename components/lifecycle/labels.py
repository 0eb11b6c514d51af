"""The ownership label: the recommended label that every object of a stack has."""

import hashlib
import re

import pulumi

from ..settings.formats.names import DNS_LABEL_LENGTH, HASH_LENGTH, LABEL_VALUE
from ..vocabulary import NAME, PART_OF


def part_of() -> str:
    """The label's value: `<project>-<stack>`, as far as the two together are a label value."""
    return label_value(f"{pulumi.get_project()}-{pulumi.get_stack()}")


def label_value(text: str) -> str:
    """The text itself if it is a valid label value; otherwise its valid beginning and a hash of the whole.

    Pulumi allows projects and stacks of 100 characters each, with '-', '_' and '.' at the end.
    """
    if re.fullmatch(LABEL_VALUE, text):
        return text
    cut = re.sub(r"[^A-Za-z0-9_.-]+", "-", text)[: DNS_LABEL_LENGTH - HASH_LENGTH - 1].strip("-_.")
    return f"{cut}-{hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH]}".lstrip("-")


def owned() -> dict[str, str]:
    """The labels of objects that belong to the stack as a whole."""
    return {NAME: "dask", PART_OF: part_of()}
