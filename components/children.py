"""What a component hands on to its children: Pulumi hands on providers, but neither `depends_on` nor what is in it."""

from collections.abc import Callable, Sequence
from typing import Any

from pulumi import Resource, ResourceOptions


def options_of_children(parent: Resource, opts: ResourceOptions | None) -> Callable[..., ResourceOptions]:
    """A function that makes the options of a child: it waits for what the parent waits for, and for `depends_on`.

    The engine creates a component at once, so only its children can wait (pulumi/pulumi#7542).
    """
    inherited = ResourceOptions(depends_on=opts.depends_on if opts else None)

    def child(depends_on: Sequence[Resource] = (), **options: Any) -> ResourceOptions:
        return ResourceOptions.merge(inherited, ResourceOptions(parent=parent, depends_on=list(depends_on), **options))

    return child
