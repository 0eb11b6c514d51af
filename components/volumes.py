"""Volumes: what is mounted where. In: the stack's `volumes`. Out: models that know their Kubernetes volume and mount."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, model_validator

from components.errors import Rule
from components.model import Model, Name, ObjectName, Quantity


def _absolute(path: str) -> str:
    if not path.startswith("/") or re.search(r"(^|/)\.\.(/|$)", path):
        raise Rule("must be an absolute path without '..'", f"try '/{path.lstrip('./')}'")
    return path


AbsolutePath = Annotated[str, AfterValidator(_absolute)]


class EmptyDir(Model):
    """Scratch space that lives as long as its pod."""

    size_limit: Quantity | None = None
    medium: Literal["Memory"] | None = None


class ClaimTemplate(Model):
    """A claim of its own for every pod: a generic ephemeral volume."""

    storage: Quantity
    storage_class: ObjectName | None = None
    access_mode: Literal["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"] = "ReadWriteOnce"


_SOURCES = ("host_path", "pvc", "claim_template", "config_map", "secret", "empty_dir")


class Volume(Model):
    """One volume and its mount: `{name: data, hostPath: /srv/data, mountPath: /data}`."""

    name: Name
    mount_path: AbsolutePath
    read_only: bool = False
    sub_path: str | None = None
    host_path: AbsolutePath | None = None
    """A directory of the node, made where it is missing. Needs `namespace.podSecurity: privileged`."""
    pvc: ObjectName | None = None
    """A PersistentVolumeClaim that exists in the namespace."""
    claim_template: ClaimTemplate | None = None
    """A claim made for each pod and deleted with it."""
    config_map: ObjectName | None = None
    secret: ObjectName | None = None
    """A Secret that exists, or the name of an entry of `dask:secrets`."""
    empty_dir: EmptyDir | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "Volume":
        given = [source for source in _SOURCES if getattr(self, source) is not None]
        if len(given) != 1:
            told = "none is given" if not given else f"{len(given)} are given"
            raise Rule(
                "needs exactly one of hostPath, pvc, claimTemplate, configMap, secret and emptyDir",
                f"{told}: keep one",
                value=self.name,
            )
        return self

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


def check_volumes(volumes: Iterable[Volume]) -> None:
    """Raises `Rule` for two mounts at one path and for one name used twice."""
    paths: dict[str, str] = {}
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        path = volume.mount_path.rstrip("/") or "/"
        if volume.name in seen:
            raise Rule("is the name of two volumes", "rename one", ("volumes", index, "name"), volume.name)
        if path in paths:
            raise Rule(
                f"is already where '{paths[path]}' is mounted",
                "mount it somewhere else",
                ("volumes", index, "mountPath"),
                volume.mount_path,
            )
        seen.add(volume.name)
        paths[path] = volume.name
