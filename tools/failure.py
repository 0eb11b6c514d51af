"""The one error that these tools end with; its text is shown to the user."""


class ToolError(Exception):
    """A command cannot be carried out. The message has what, why and a fix."""
