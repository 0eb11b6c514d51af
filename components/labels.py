"""Whose an object is: the recommended label that every object of a stack carries."""

import pulumi

from components.names import PART_OF


def part_of() -> str:
    """`<project>-<stack>`."""
    return f"{pulumi.get_project()}-{pulumi.get_stack()}"


def owned() -> dict[str, str]:
    """The labels of objects that belong to the stack as a whole."""
    return {"app.kubernetes.io/name": "dask", PART_OF: part_of()}
