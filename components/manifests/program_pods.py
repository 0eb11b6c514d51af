"""What the pods of the program's own code take over from those of users: verification, autoscaler and schedules."""

from ..manifests.context import Spec
from ..settings.formats.quantities import amount
from ..settings.pod import PodSettings
from ..settings.resources import Resources

_OF_ANY_POD = (
    *("securityContext", "affinity", "nodeSelector", "tolerations", "topologySpreadConstraints", "schedulerName"),
    *("runtimeClassName", "priorityClassName", "preemptionPolicy", "imagePullSecrets", "dnsPolicy", "dnsConfig"),
    "hostAliases",
)
_OF_ANY_CONTAINER = ("imagePullPolicy", "securityContext")


def plain(pod: PodSettings) -> PodSettings:
    """The settings of a pod that runs no code of users: without what only that needs."""
    none = {"volumes": (), "env_from": (), "packages": PodSettings().packages, "resources": None}
    return PodSettings.model_construct(**(dict(pod) | none))


def of_any_pod(name: str, template: Spec, role: str) -> Spec:
    """What a role's `podTemplate` says that holds for the pod of a program of ours too. `role` names its container.

    What a namespace's rules ask of the one, such as user ids of a range or a read-only root, they ask of the other.
    """
    kept = {key: template[key] for key in _OF_ANY_POD if key in template}
    theirs = [it for it in template.get("containers") or () if it and it.get("name") == role]
    own = {key: it[key] for it in theirs for key in _OF_ANY_CONTAINER if key in it}
    # A scheduler's command that gets the program's arguments runs them in an environment that it has set up.
    wrappers = [it["command"] for it in theirs if it.get("command") and "args" not in it and role == "scheduler"]
    own |= {"command": wrappers[-1]} if wrappers else {}
    return kept | ({"containers": [{"name": name, **own}]} if own else {})


def own_resources(requests: dict[str, str], limits: dict[str, str], own: Resources) -> Spec:
    """The user's resources, with these defaults for what is not set; no request is above its limit."""
    asked, most = own.all_requests(), own.all_limits()
    limits = {name: max(size, asked.get(name, size), key=amount) for name, size in limits.items()} | most
    lowered = {name: min(size, limits[name], key=amount) for name, size in requests.items()}
    return {"requests": lowered | asked, "limits": limits}
