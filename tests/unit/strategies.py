"""Raw settings that `parse` accepts, as Hypothesis strategies: `settings()` for a stack, `clusters()` for one cluster.

Where one choice excludes another, the strategy chooses first and then fills in what fits, so that nothing is filtered.
"""

import operator
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

Raw = dict[str, Any]
LEVELS = ("restricted", "baseline", "privileged")

names = st.from_regex(r"[a-z]([-a-z0-9]{0,10}[a-z0-9])?", fullmatch=True).filter(lambda name: name != "default")
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=("Cs",)), max_size=12)
cpus = st.sampled_from(["100m", "1", "2.5", "16"])
memories = st.sampled_from(["64Mi", "1.5Gi", "2Gi", "1048576", "4G"])
durations = st.sampled_from(["1s", "90s", "10m", "1h30m", "7d"])
images = st.sampled_from(
    ["dask:1", "ghcr.io/dask/dask:2026.8.0-py3.11", "host:5000/a/b__c:v1", f"a@sha256:{'0' * 64}", "dask"]
)
env_names = st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True)
label_keys = st.sampled_from(["team", "example.com/team", "app.kubernetes.io/version"])
labels = st.dictionaries(label_keys, st.sampled_from(["", "research", "a.b_c-d"]), max_size=2)
addresses = st.sampled_from(["10.0.0.0/8", "192.0.2.10/32", "2001:db8::/32"])
resources: SearchStrategy[Raw] = st.one_of(
    st.fixed_dictionaries({}, optional={"cpu": cpus, "memory": memories}),
    st.just({"requests": {"cpu": "500m", "nvidia.com/gpu": "1"}, "limits": {"cpu": "2", "nvidia.com/gpu": "1"}}),
    st.just({"memory": "2Gi", "requests": {"cpu": "1"}, "limits": {"ephemeral-storage": "10Gi"}}),
)
dask_config = st.sampled_from([{}, {"distributed": {"worker": {"memory": {"target": 0.7, "spill": False}}}}])
tolerations = st.sampled_from([{"operator": "Exists"}, {"key": "gpu", "effect": "NoExecute", "tolerationSeconds": 60}])
probes = st.sampled_from([{}, {"readiness": {"initialDelaySeconds": 0}, "liveness": {"periodSeconds": 5}}])
_term = {"key": "x", "operator": "In", "values": ["1"]}
_required = {"nodeSelectorTerms": [{"matchExpressions": [_term]}]}
affinity = st.sampled_from([{}, {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": _required}}])
spread = st.sampled_from([{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}])


@st.composite
def volumes(draw: DrawFn, level: str, prefix: str) -> list[Raw]:
    """Volumes with names and paths of their own, so that those of a role never meet those of its cluster."""
    sources: list[Raw] = [
        *({"emptyDir": {}}, {"emptyDir": {"sizeLimit": "1Gi", "medium": "Memory"}}, {"pvc": "claim"}),
        *({"configMap": "map.x", "readOnly": True}, {"secret": "creds"}, {"claimTemplate": {"storage": "10Gi"}}),
    ]
    if level == "privileged":
        sources.append({"hostPath": "/srv/data", "subPath": "a/b"})
    chosen = draw(st.lists(st.sampled_from(sources), max_size=2))
    return [{"name": f"{prefix}-{i}", "mountPath": f"/{prefix}/{i}"} | source for i, source in enumerate(chosen)]


@cache
def pods(level: str, role: str) -> SearchStrategy[Raw]:
    """What every kind of pod may say, under a Pod Security level."""
    managers = {"pip": st.just(["optuna>=4,<5", "dask[complete]"])}
    if level != "restricted":
        managers |= {"conda": st.just(["scikit-learn=1.7"]), "apt": st.just(["libgl1"])}
    optional = {
        "image": images,
        "imagePullPolicy": st.sampled_from(["Always", "IfNotPresent", "Never"]),
        "imagePullSecrets": st.just(["registry"]),
        "packages": st.fixed_dictionaries({}, optional=managers),
        "env": st.dictionaries(env_names, texts, max_size=2),
        "envFrom": st.just([{"secret": "creds"}, {"configMap": "map"}]),
        "daskConfig": dask_config,
        "volumes": volumes(level, role),
        "resources": resources,
        "nodeSelector": st.just({"kubernetes.io/arch": "amd64"}),
        "tolerations": st.lists(tolerations, max_size=2),
        "affinity": affinity,
        "topologySpreadConstraints": st.lists(spread, max_size=1),
        "priorityClass": names,
        "serviceAccount": names,
        "labels": labels,
        "annotations": st.dictionaries(label_keys, texts, max_size=2),
        "podTemplate": st.sampled_from([{}, {"hostNetwork": False}]),
    }
    return st.fixed_dictionaries({}, optional=optional)


@cache
def worker_pods(level: str, role: str) -> SearchStrategy[Raw]:
    """What worker pods may say beyond that."""
    optional = {
        "threads": st.integers(1, 64),
        "port": st.just(9000),
        "probes": probes,
        "extraArgs": st.just(["--death"]),
    }
    optional["terminationGracePeriod"] = durations
    return st.builds(operator.or_, pods(level, role), st.fixed_dictionaries({}, optional=optional))


@st.composite
def endpoints(draw: DrawFn, tls: bool, port: int) -> Raw:
    """An endpoint, with node ports from `port` on."""
    kind = draw(st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer"]))
    made: Raw = {"type": kind, "host": draw(st.sampled_from(["auto", "dask.example.com", "192.0.2.1", "2001:db8::1"]))}
    if kind != "ClusterIP":
        made |= {
            "nodePorts": {"scheduler": port, "dashboard": port + 1},
            "insecure": True if not tls else draw(st.booleans()),
        }
    if kind == "LoadBalancer":
        made["sourceRanges"] = draw(st.lists(addresses, max_size=2))
    if draw(st.booleans()):
        made["dashboard"] = draw(st.booleans()) or "nodePorts" in made
    return made


@st.composite
def bounds(draw: DrawFn) -> Raw:
    """A number of workers that follows the work."""
    low = draw(st.integers(0, 5))
    more = {"idleTime": durations, "maximumStarting": st.integers(1, 9)}
    made = {"minimum": low, "maximum": draw(st.integers(max(low, 1), 20))}
    return made | draw(st.fixed_dictionaries({}, optional=more))


@st.composite
def clusters(draw: DrawFn, level: str = "restricted", port: int = 30786) -> Raw:
    """One cluster, as it stands under its name in `dask:clusters`."""
    size = draw(st.sampled_from(["fixed", "groups", "autoscaled"]))
    tls = draw(st.booleans())
    workers = draw(worker_pods(level, "workers"))
    if size == "autoscaled":
        workers |= draw(bounds())
    else:
        workers["replicas"] = draw(st.integers(0, 50))
    update = draw(st.sampled_from(["blueGreen", "recreate"]))
    optional = {
        "scheduler": pods(level, "scheduler"),
        "drainTimeout": durations,
        "readyTimeout": durations,
        "verify": st.booleans(),
        "protect": st.booleans(),
        "suspended": st.booleans(),
        "adopt": st.just(update == "recreate" and size == "fixed"),
        "monitors": st.just({"enabled": True, "interval": "30s"}),
        "endpoint": endpoints(tls, port),
        "tls": st.just({"enabled": True, "rotation": 2, "validDays": 90}) if tls else st.just({"enabled": False}),
    }
    group = st.builds(lambda pods, size: pods | size, worker_pods(level, "group"), bounds() | st.just({"replicas": 1}))
    groups = st.dictionaries(names, group, min_size=1, max_size=2) if size != "fixed" else None
    made = draw(pods(level, "cluster")) | draw(st.fixed_dictionaries({}, optional=optional))
    if made.get("adopt"):
        made.pop("suspended", None)
    if tls and "tls" not in made:
        made["tls"] = {"enabled": True}
    return made | {"workers": workers, "update": update} | ({} if groups is None else {"workerGroups": draw(groups)})


@st.composite
def jobs(draw: DrawFn, level: str) -> Raw:
    """One job, as it stands under its name in `dask:jobs`."""
    what = draw(st.sampled_from([{"script": "print(1)"}, {"command": ["python", "x.py"]}]))
    tls = draw(st.sampled_from([{}, {"tls": {"enabled": True}}]))
    made = draw(pods(level, "job")) | tls | {"runner": draw(pods(level, "runner")) | what}
    made["timeout"] = draw(durations)
    optional = {
        "timeZone": st.sampled_from(["UTC", "Europe/Berlin"]),
        "suspended": st.booleans(),
        "retries": st.integers(0, 9),
        "history": st.just({"failed": 3}),
        "ttl": durations,
    }
    when = st.fixed_dictionaries({"schedule": st.sampled_from(["@daily", "*/5 8-18 * * mon-fri"])}, optional=optional)
    return made | draw(st.just({}) | when)


@st.composite
def settings(draw: DrawFn) -> Raw:
    """A whole stack: JSON values by key, without the `dask:` in front."""
    level = draw(st.sampled_from(LEVELS))
    namespace: Raw = {"name": draw(names), "podSecurity": level, "create": draw(st.booleans())}
    if namespace["create"] and draw(st.booleans()):
        namespace |= {"quota": {"cpu": "1000000", "pods": 1_000_000}, "limits": {"cpu": "1", "memory": "1Gi"}}
    if draw(st.booleans()):
        namespace |= {
            "networkPolicies": True,
            "allowFrom": draw(st.lists(addresses, max_size=2)),
            "labels": draw(labels),
        }
    running: Raw = draw(st.fixed_dictionaries({}, optional={"install": st.booleans(), "timeout": durations}))
    if draw(st.booleans()):
        running |= {"watch": [namespace["name"], "other"], "clusterRole": draw(st.booleans())}
    if draw(st.booleans()):
        running |= {"chart": {"repository": "oci://x/y", "version": "1.2.3"}}
    made: Raw = {"namespace": namespace, "operator": running, "clusters": {}}
    for index, name in enumerate(draw(st.lists(names, max_size=3, unique=True))):
        made["clusters"][name] = draw(clusters(level, 30000 + 10 * index))
    if draw(st.booleans()):
        price = st.sampled_from([0, 1, 0.04])
        made["prices"] = draw(st.fixed_dictionaries({}, optional=dict.fromkeys(("cpu", "memory", "gpu"), price)))
    if draw(st.booleans()):
        made["jobs"] = {f"{draw(names)}-job-of-its-own": draw(jobs(level))}
        made["secrets"] = {"creds": draw(st.dictionaries(env_names, texts, max_size=2))}
    return made
