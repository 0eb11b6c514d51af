"""Rules that span a namespace and the pods in it. In: the namespace's settings and every role's pod. Out: broken rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.errors import Rule

if TYPE_CHECKING:
    from components.podsettings import PodSettings
    from components.settings import Namespace

Path = tuple[str, ...]


def namespace_rules(namespace: Namespace, roles: dict[Path, PodSettings]) -> list[Rule]:
    """Everything about the pods that the namespace would refuse when it is too late."""
    return [*_pod_security(namespace, roles), *_quota(namespace, roles)]


def _pod_security(namespace: Namespace, roles: dict[Path, PodSettings]) -> list[Rule]:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards: what each level forbids."""
    level, broken, seen = namespace.pod_security, [], set[str]()
    for path, pod in roles.items():
        for volume in pod.volumes:
            key = f"{path[1]}/{volume.name}"
            if volume.host_path and level != "privileged" and key not in seen:
                seen.add(key)
                rule = f"is a hostPath volume, which pod security '{level}' forbids"
                broken.append(
                    Rule(rule, "set `dask:namespace.podSecurity: privileged`", (*path, "volumes"), volume.name)
                )
        for manager in ("conda", "apt"):
            packages = getattr(pod.packages, manager)
            if packages and level == "restricted" and f"{path[1]}/{manager}" not in seen:
                seen.add(f"{path[1]}/{manager}")
                rule = "are installed by root, which pod security 'restricted' forbids"
                fix = "set `dask:namespace.podSecurity: baseline`, use `packages.pip`, or bake them into an image"
                broken.append(Rule(rule, fix, (*path, "packages", manager), list(packages)))
    return broken


def _quota(namespace: Namespace, roles: dict[Path, PodSettings]) -> list[Rule]:
    """Under a quota on cpu or memory Kubernetes refuses every pod that does not say how much it needs."""
    if namespace.quota is None:
        return []
    broken = []
    limits = namespace.limits.all_limits() if namespace.limits else {}
    for path, pod in roles.items():
        for name in ("cpu", "memory"):
            if getattr(namespace.quota, name) is None or name in limits or name in pod.resources.all_limits():
                continue
            rule = f"is needed, because the namespace has a quota on {name}"
            broken.append(Rule(rule, "set it, or `dask:namespace.limits`", (*path, "resources", name), None))
    return broken
