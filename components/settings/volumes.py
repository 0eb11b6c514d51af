"""The `volumes` setting: what is mounted where. The models render Kubernetes' volumes and mounts."""

import posixpath
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from ..settings.fields import Model, Name, ObjectName, Quantity
from ..settings.mistakes import invalid

_UP = re.compile(r"(^|/)\.\.(/|$)")


def _absolute(path: str) -> str:
    if not path.startswith("/") or _UP.search(path) or "\0" in path:
        raise invalid("must be an absolute path without '..'", f"try '{posixpath.normpath('/' + path.lstrip('/'))}'")
    return path


def _mountable(path: str) -> str:
    _absolute(path)
    if ":" in path or posixpath.normpath(path).strip("/") == "":
        raise invalid("must not be '/', and must not contain ':'", "try '/data'")
    return path


def _relative(path: str) -> str:
    if not path or path.startswith("/") or _UP.search(path):
        inside = posixpath.normpath("/" + path.lstrip("/")).strip("/")
        fix = f"try '{inside}'" if inside else "remove it to mount the whole volume"
        raise invalid("must be a path inside the volume, without '..'", fix)
    return path


def _path(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


AbsolutePath = Annotated[str, AfterValidator(_absolute), _path(r"^/(?!(.*/)?\.\.(/|$))", "/srv/data")]
MountPath = Annotated[str, AfterValidator(_mountable), _path(r"^/(?!(.*/)?\.\.(/|$))[^:]*[^:/.][^:]*$", "/data")]
SubPath = Annotated[str, AfterValidator(_relative), _path(r"^(?!/)(?!(.*/)?\.\.(/|$)).", "2026")]


class EmptyDir(Model):
    """Scratch space that lives as long as its pod."""

    size_limit: Quantity | None = None
    """The most it may hold. Beyond it the pod is evicted."""
    medium: Literal["Memory"] | None = None
    """`Memory`: kept in memory, which counts towards the container's limit. Default: on the node's disk."""


class ClaimTemplate(Model):
    """A claim of its own for every pod: a generic ephemeral volume."""

    storage: Annotated[Quantity, Field(examples=["10Gi"])]
    """How much storage to claim."""
    storage_class: ObjectName | None = None
    """The StorageClass. Default: that of the Kubernetes cluster."""
    access_mode: Literal["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"] = "ReadWriteOnce"
    """Who may mount the claim."""


class Volume(Model):
    """One volume and its mount: `{name: data, hostPath: /srv/data, mountPath: /data}`."""

    name: Annotated[Name, Field(examples=["data"])]
    """The volume's name. One of the same name on `scheduler`, `workers` or a group replaces it there."""
    mount_path: Annotated[MountPath, Field(examples=["/data"])]
    """The path in the containers."""
    read_only: bool = False
    """Whether the volume is mounted read-only."""
    sub_path: SubPath | None = None
    """A path inside the volume to mount instead of its root."""
    host_path: AbsolutePath | None = None
    """A directory of the node, created if it is missing. Requires `namespace.podSecurity: privileged`."""
    pvc: ObjectName | None = None
    """A PersistentVolumeClaim that exists in the namespace."""
    claim_template: ClaimTemplate | None = None
    """A claim that is created for each pod and deleted with it."""
    config_map: ObjectName | None = None
    """A ConfigMap that exists in the namespace."""
    secret: ObjectName | None = None
    """A Secret that exists, or the name of an entry of `dask:secrets`."""
    empty_dir: EmptyDir | None = None
    """Scratch space: `{}` is enough."""

    def mount(self) -> dict[str, Any]:
        """The container's `volumeMounts` entry."""
        mount: dict[str, Any] = {"name": self.name, "mountPath": self.mount_path}
        if self.read_only:
            mount["readOnly"] = True
        if self.sub_path:
            mount["subPath"] = self.sub_path
        return mount

    def source(self) -> dict[str, Any]:
        """The pod's `volumes` entry."""
        if self.host_path:
            body: dict[str, Any] = {"hostPath": {"path": self.host_path, "type": "DirectoryOrCreate"}}
        elif self.pvc:
            body = {"persistentVolumeClaim": {"claimName": self.pvc}}
        elif self.claim_template:
            body = {"ephemeral": {"volumeClaimTemplate": {"spec": self._claim(self.claim_template)}}}
        elif self.config_map:
            body = {"configMap": {"name": self.config_map}}
        elif self.secret:
            body = {"secret": {"secretName": self.secret}}
        else:
            body = {"emptyDir": self.empty_dir.model_dump(by_alias=True, exclude_none=True) if self.empty_dir else {}}
        return {"name": self.name} | body

    @staticmethod
    def _claim(template: ClaimTemplate) -> dict[str, Any]:
        claim: dict[str, Any] = {
            "accessModes": [template.access_mode],
            "resources": {"requests": {"storage": template.storage}},
        }
        return claim | ({"storageClassName": template.storage_class} if template.storage_class else {})


def same_place(one: Volume, other: Volume) -> bool:
    """Whether two volumes are mounted at one path."""
    return normal(one.mount_path) == normal(other.mount_path)


def normal(path: str) -> str:
    """The shortest form of an absolute path: `//data/` -> `/data`."""
    return posixpath.normpath(path).replace("//", "/")
