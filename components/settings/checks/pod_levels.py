"""What a namespace's Pod Security level forbids in a rendered pod, with the path within the pod.

https://kubernetes.io/docs/concepts/security/pod-security-standards. Admission refuses such a pod only when the
operator's Deployment creates it, so the user would not see it.
"""

from collections.abc import Iterator
from typing import Any

from ...settings.checks.pod_rules import boxes
from ...settings.mistakes import Mistake, Path

_FIX = "set `dask:namespace.podSecurity: privileged`"
_SECURE = "add `securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}`"


def forbidden(pod: dict[str, Any], level: str) -> Iterator[Mistake]:
    """Everything that the level forbids, as far as a pod template can bring it in."""
    if level == "privileged":
        return
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield Mistake(f"shares the node's own, which pod security '{level}' forbids", _FIX, (field,))
    for index, volume in enumerate(pod.get("volumes", ())):
        if "hostPath" in volume:
            rule = f"is a directory of the node, which pod security '{level}' forbids"
            yield Mistake(rule, _FIX, ("volumes", index, "hostPath"), None)
    for path, box in boxes(pod):
        yield from _container(path, box, pod.get("securityContext", {}), level)


def _container(path: Path, box: dict[str, Any], of_pod: dict[str, Any], level: str) -> Iterator[Mistake]:
    context = box.get("securityContext", {})
    if context.get("privileged"):
        yield Mistake(f"is forbidden by pod security '{level}'", _FIX, (*path, "securityContext", "privileged"))
    for index, port in enumerate(box.get("ports", ())):
        if port.get("hostPort"):
            yield Mistake(
                f"opens a port of the node, which pod security '{level}' forbids",
                _FIX,
                (*path, "ports", index, "hostPort"),
            )
    if level != "restricted":
        return
    dropped = context.get("capabilities", {}).get("drop", ())
    if "image" in box and (context.get("allowPrivilegeEscalation") is not False or "ALL" not in dropped):
        rule = "must forbid escalation and drop all capabilities under pod security 'restricted'"
        yield Mistake(rule, _SECURE, (*path, "securityContext"), None)
    if context.get("runAsUser", of_pod.get("runAsUser")) == 0:
        holder: Path = (*path, "securityContext") if "runAsUser" in context else ("securityContext",)
        yield Mistake("is root, which pod security 'restricted' forbids", "use 1000", (*holder, "runAsUser"))
