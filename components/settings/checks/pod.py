"""Rules about the settings that every kind of pod shares."""

from collections.abc import Iterator

from ...settings.checks import pod_placement, pod_resources
from ...settings.checks.paths import fields
from ...settings.checks.walker import until_unknown
from ...settings.mistakes import Mistake
from ...settings.pod import PodSettings
from ...settings.pod_parts import EnvSource, Toleration
from ...settings.resources import Resources
from ...settings.volumes import Volume, normal, same_place
from ...vocabulary import NOTEBOOK_PATH, NOTEBOOK_VOLUME, TLS_PATH, TLS_VOLUME

_OWN_VOLUMES = (
    (TLS_VOLUME, TLS_PATH, "the certificates"),
    (NOTEBOOK_VOLUME, NOTEBOOK_PATH, "the settings of a notebook"),
)

_SOURCES = {
    "hostPath": "host_path",
    "pvc": "pvc",
    "claimTemplate": "claim_template",
    "configMap": "config_map",
    "secret": "secret",
    "emptyDir": "empty_dir",
}


def volumes(pod: PodSettings) -> Iterator[Mistake]:
    """Duplicate names and mount paths, and those that are reserved for TLS."""
    for index, volume in enumerate(pod.volumes):
        yield from until_unknown(_reserved, index, volume)
        for earlier in pod.volumes[:index]:
            yield from until_unknown(_apart, index, volume, earlier)


def _reserved(index: int, volume: Volume) -> Iterator[Mistake]:
    for name, path, what in _OWN_VOLUMES:
        if volume.name == name:
            rule = f"is what the program calls the volume with {what}"
            yield Mistake(rule, "rename it", ("volumes", index, "name"))
        if f"{normal(volume.mount_path)}/".startswith(f"{path}/"):
            yield Mistake(f"is where {what} are mounted", "use another path", ("volumes", index, "mountPath"))


def _apart(index: int, volume: Volume, earlier: Volume) -> Iterator[Mistake]:
    if volume.name == earlier.name:
        yield Mistake("is the name of two volumes", "rename one", ("volumes", index, "name"))
    if same_place(volume, earlier):
        rule = f"is already where '{earlier.name}' is mounted"
        yield Mistake(rule, "mount it somewhere else", ("volumes", index, "mountPath"))


def volume_source(volume: Volume) -> Iterator[Mistake]:
    """Exactly one kind of source."""
    given = [key for key, field in _SOURCES.items() if getattr(volume, field) is not None]
    if len(given) != 1:
        fix = f"keep one of {' and '.join(given)}" if given else "add one, such as `emptyDir: {}`"
        yield Mistake(f"needs exactly one of {', '.join(_SOURCES)}", fix, value=None)


def env_source(source: EnvSource) -> Iterator[Mistake]:
    """Exactly one of Secret and ConfigMap."""
    if (source.secret is None) == (source.config_map is None):
        fix = "keep one" if source.secret else "add one"
        yield Mistake("needs exactly one of `secret` and `configMap`", fix, value=None)


def toleration(setting: Toleration) -> Iterator[Mistake]:
    """What Kubernetes refuses in a toleration."""
    # Not `model_dump`: pydantic's serializer would look into values that are UNKNOWN.
    values = {key: vars(setting)[name] for key, (name, _) in fields(Toleration).items()}
    given = {key: value for key, value in values.items() if value is not None}
    yield from pod_placement.toleration((), given)


def resources(setting: Resources) -> Iterator[Mistake]:
    """What Kubernetes refuses in a container's resources, each where it is written: `cpu: "1"` is request and limit."""
    rendered = {"requests": setting.all_requests(), "limits": setting.all_limits()}
    for mistake in pod_resources.container_resources((), rendered):
        field, name = (str(step) for step in mistake.path)
        yield mistake if name in getattr(setting, field) else mistake.at((name,))
