"""What a quota of the namespace demands of each container: that it says how much it may take."""

from collections.abc import Iterator

from ...settings.checks.paths import at
from ...settings.checks.pod_rules import Spec, boxes
from ...settings.mistakes import Mistake, Path
from ...settings.stack import Namespace


def without_limits(pod: Spec, own: str, namespace: Namespace) -> Iterator[Mistake]:
    """The containers of a pod that Kubernetes refuses under the quota, except for the container `own`.

    What is missing there is a mistake of the settings, which is reported before pods are rendered.
    """
    quota, defaults = namespace.quota, namespace.limits.all_limits() if namespace.limits else {}
    limited = [name for name in ("cpu", "memory") if quota and getattr(quota, name) is not None]
    for path, box in boxes(pod):
        for name in limited:
            if box.get("name") != own and name not in defaults and at(box, ("resources", "limits", name)) is None:
                rule = f"is missing, and the namespace has a quota on {name}"
                yield Mistake(rule, "set it, or `dask:namespace.limits`", (*path, *_first_missing(box, name)), None)


def _first_missing(box: Spec, name: str) -> Path:
    """The path down to what the container lacks."""
    steps: Path = ("resources", "limits", name)
    return next(steps[:end] for end in range(1, 4) if end == 3 or at(box, steps[:end]) is None)
