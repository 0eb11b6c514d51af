"""Checks a pod spec against the Pod Security Standards. A violation names the path of the field.

https://kubernetes.io/docs/concepts/security/pod-security-standards, for Linux, as of Kubernetes 1.34. The admission
controller of a namespace enforces the same, but only when pods are created: then a Deployment stays without pods.
"""

from collections.abc import Iterator
from typing import Any, Literal

Pod = dict[str, Any]
Level = Literal["privileged", "baseline", "restricted"]

_CAPABILITIES = {
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"),
    *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
}
_SELINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
_SYSCTLS = {
    *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start"),
    *("net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports"),
    *("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl"),
    *("net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
}
_VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"),
}
_PROFILES = {"RuntimeDefault", "Localhost"}


def violations(pod: Pod, level: Level) -> list[str]:
    """Everything in the pod that the level forbids; the restricted level contains the baseline."""
    if level == "privileged":
        return []
    found = [*_baseline_pod(pod), *(text for path, box in _boxes(pod) for text in _baseline_container(path, box))]
    if level == "restricted":
        found += _restricted_pod(pod)
        found += [text for path, box in _boxes(pod) for text in _restricted_container(path, box, pod)]
    return found


def _boxes(pod: Pod) -> Iterator[tuple[str, Pod]]:
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for box in pod.get(field) or []:
            yield f"{field}[{box.get('name')}]", box


def _context(holder: Pod) -> Pod:
    return holder.get("securityContext") or {}


def _baseline_pod(pod: Pod) -> Iterator[str]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield f"{field}: true shares the node's namespace"
    for volume in pod.get("volumes") or []:
        if "hostPath" in volume:
            yield f"volumes[{volume['name']}].hostPath opens the node's file system"
    for sysctl in _context(pod).get("sysctls") or []:
        if sysctl["name"] not in _SYSCTLS:
            yield f"securityContext.sysctls[{sysctl['name']}] is not among the safe ones"
    yield from _profiles("", _context(pod))


def _baseline_container(path: str, box: Pod) -> Iterator[str]:
    context = _context(box)
    if context.get("privileged"):
        yield f"{path}.securityContext.privileged: true is root on the node"
    if added := set((context.get("capabilities") or {}).get("add") or []) - _CAPABILITIES:
        yield f"{path}.securityContext.capabilities.add has {', '.join(sorted(added))}"
    if context.get("procMount", "Default") != "Default":
        yield f"{path}.securityContext.procMount: {context['procMount']} must be Default"
    for port in box.get("ports") or []:
        if port.get("hostPort"):
            yield f"{path}.ports[{port.get('name')}].hostPort: {port['hostPort']} opens a port of the node"
    hooks = [box.get(probe) or {} for probe in ("livenessProbe", "readinessProbe", "startupProbe")]
    hooks += [(box.get("lifecycle") or {}).get(hook) or {} for hook in ("postStart", "preStop")]
    if any((hook.get(how) or {}).get("host") for hook in hooks for how in ("httpGet", "tcpSocket")):
        yield f"{path}: a probe or hook names a host, and could so reach what the pod cannot"
    yield from _profiles(f"{path}.", context)


def _profiles(prefix: str, context: Pod) -> Iterator[str]:
    for field in ("seccompProfile", "appArmorProfile"):
        if (profile := (context.get(field) or {}).get("type", "RuntimeDefault")) not in _PROFILES:
            yield f"{prefix}securityContext.{field}.type: {profile} must be RuntimeDefault or Localhost"
    selinux = context.get("seLinuxOptions") or {}
    if selinux.get("type", "") not in _SELINUX_TYPES or selinux.get("user") or selinux.get("role"):
        yield f"{prefix}securityContext.seLinuxOptions sets its own user, role or type"
    if (context.get("windowsOptions") or {}).get("hostProcess"):
        yield f"{prefix}securityContext.windowsOptions.hostProcess: true is root on the node"


def _restricted_pod(pod: Pod) -> Iterator[str]:
    for volume in pod.get("volumes") or []:
        if kinds := set(volume) - {"name"} - _VOLUMES:
            yield f"volumes[{volume['name']}] is of type {', '.join(sorted(kinds))}"
    if _context(pod).get("runAsUser") == 0:
        yield "securityContext.runAsUser: 0 is root"


def _restricted_container(path: str, box: Pod, pod: Pod) -> Iterator[str]:
    context = _context(box)
    both = _context(pod) | context
    if context.get("allowPrivilegeEscalation") is not False:
        yield f"{path}.securityContext.allowPrivilegeEscalation must be false"
    if both.get("runAsNonRoot") is not True:
        yield f"{path}.securityContext.runAsNonRoot must be true, here or on the pod"
    if context.get("runAsUser") == 0:
        yield f"{path}.securityContext.runAsUser: 0 is root"
    if (both.get("seccompProfile") or {}).get("type") not in _PROFILES:
        yield f"{path}.securityContext.seccompProfile.type must be RuntimeDefault or Localhost, here or on the pod"
    capabilities = context.get("capabilities") or {}
    if "ALL" not in (capabilities.get("drop") or []):
        yield f"{path}.securityContext.capabilities.drop must have ALL"
    if added := set(capabilities.get("add") or []) & _CAPABILITIES - {"NET_BIND_SERVICE"}:
        yield f"{path}.securityContext.capabilities.add has {', '.join(sorted(added))}"
