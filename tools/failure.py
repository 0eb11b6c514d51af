"""The one error that these tools end with; its text is what a person reads."""


class ToolError(Exception):
    """A command cannot be carried out. The message says what, why and what helps."""
