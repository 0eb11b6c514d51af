"""Parts of a pod's settings: packages, environment sources, tolerations, health probes."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ..settings.fields import LabelKey, Model, ObjectName, pattern
from ..settings.mistakes import invalid

# The image's entrypoint word-splits this unquoted: allow one requirement and no shell characters.
_PACKAGE = r"[A-Za-z0-9/][A-Za-z0-9._+/:@\[\],<>=!~*%#-]*"


def _package(value: str) -> str:
    if not re.fullmatch(_PACKAGE, value):
        joined = re.sub(r"\s*([<>=!~,]+)\s*", r"\1", value.strip())
        words = [word for word in joined.split() if re.fullmatch(_PACKAGE, word)]
        fix = f"try {', '.join(repr(word) for word in words)}" if words else "name one package, such as 'optuna==4.5'"
        raise invalid("must be one package without blanks, quotes or other characters of a shell", fix)
    return value


Package = Annotated[str, AfterValidator(_package), pattern(_PACKAGE, "optuna==4.5")]


class Packages(Model):
    """Packages that the image installs when a pod starts: the EXTRA_*_PACKAGES of the upstream image."""

    conda: tuple[Package, ...] = ()
    """conda-forge packages. They require a pod that runs as root (`namespace.podSecurity: baseline`)."""
    pip: tuple[Package, ...] = ()
    """PyPI packages. `up` fails if the workers lack one, as with an image that ignores this key."""
    apt: tuple[Package, ...] = ()
    """Debian or Ubuntu packages. They require a pod that runs as root."""


class EnvSource(Model):
    """All keys of a Secret or ConfigMap as environment variables."""

    secret: ObjectName | None = None
    """A Secret that exists, or the name of an entry of `dask:secrets`."""
    config_map: ObjectName | None = None
    """A ConfigMap that exists in the namespace."""


class Toleration(Model):
    """A taint that pods tolerate, as in a pod's `tolerations`."""

    key: LabelKey | None = None
    """The taint's key. Without one, `operator: Exists` tolerates every taint."""
    operator: Literal["Exists", "Equal"] | None = None
    """Whether the value is compared. Default: `Equal`."""
    value: str | None = None
    """The taint's value."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """The taint's effect. Default: every effect."""
    toleration_seconds: Annotated[int, Field(ge=0)] | None = None
    """How many seconds a running pod stays on a node that gets the taint."""


Seconds = Annotated[int, Field(ge=1, le=3600)]


class ProbeTiming(Model):
    """The timing of a health probe, in seconds. The fields are those of a Kubernetes probe."""

    initial_delay_seconds: Annotated[int, Field(ge=0, le=86_400)] | None = None
    """How long to wait before the first probe."""
    period_seconds: Seconds | None = None
    """How often to probe."""
    timeout_seconds: Seconds | None = None
    """How long the answer may take."""
    failure_threshold: Annotated[int, Field(ge=1, le=1000)] | None = None
    """How many failures in a row make the probe fail."""


class Probes(Model):
    """Health probes against `/health` of the dashboard."""

    readiness: ProbeTiming | None = None
    """When the pod counts as ready. Default: probed at once and then every second or two."""
    liveness: ProbeTiming | None = None
    """When the pod is restarted. Default: after 20 minutes without an answer for the scheduler, never for workers."""
