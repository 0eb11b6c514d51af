"""Mistakes that Kubernetes would refuse in the pods as they will run, `podTemplate` and all."""

from tests.unit.badsettings.cases import Case, Raw, cluster, resources


def box(name: str, **fields: object) -> Raw:
    """A pod template with one container."""
    return {"podTemplate": {"containers": [{"name": name} | fields]}}


def template(**fields: object) -> Raw:
    return cluster(podTemplate=fields)


SECURE = {"securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}
TEMPLATES = [
    Case(
        "a job's container in a cluster",
        cluster(**box("job", tty=True)),
        (
            "dask:clusters.a.podTemplate.containers[0].name: 'job' is the container of another kind of pod; "
            "did you mean 'scheduler'?"
        ),
        schema=False,
    ),
    Case(
        "a container of another name, without an image",
        cluster(**box("dask", tty=True)),
        (
            "dask:clusters.a.podTemplate.containers[0].image: is missing, and an additional "
            "container needs one; add `image`, or call it 'scheduler' or 'worker' if you mean the pod's own"
        ),
        schema=False,
    ),
    Case(
        "a pod that is not restarted",
        template(restartPolicy="Never"),
        (
            "dask:clusters.a.podTemplate.restartPolicy: 'Never' must be Always, because the operator puts the"
            " pod into a Deployment; remove it"
        ),
        schema=False,
    ),
    Case(
        "a pod with a deadline",
        template(activeDeadlineSeconds=60),
        (
            "dask:clusters.a.podTemplate.activeDeadlineSeconds: 60 is forbidden, because the operator puts "
            "the pod into a Deployment; remove it"
        ),
        schema=False,
    ),
    Case(
        "a pod without name servers",
        template(dnsPolicy="None"),
        (
            "dask:clusters.a.podTemplate.dnsPolicy: 'None' needs a name server; add `dnsConfig: {nameservers:"
            " [10.96.0.10]}` with the address of yours, or remove it"
        ),
        schema=False,
    ),
    Case(
        "a taint's value that none can have",
        cluster(tolerations=[{"key": "a", "value": "not a label!"}]),
        (
            "dask:clusters.a.tolerations[0].value: 'not a label!' must be a label value, as the values of "
            "taints are: at most 63 letters, digits, '-', '_' and '.'; write the taint's value"
        ),
        schema=False,
    ),
    Case(
        "such a value in a pod template",
        template(tolerations=[{"key": "a", "operator": "Equal", "value": "not a label!"}]),
        (
            "dask:clusters.a.podTemplate.tolerations[0].value: 'not a label!' must be a label value, as the "
            "values of taints are: at most 63 letters, digits, '-', '_' and '.'; write the taint's value"
        ),
        schema=False,
    ),
    Case(
        "an operator of an affinity in lower case",
        cluster(
            affinity={
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [{"matchExpressions": [{"key": "x", "operator": "in", "values": ["1"]}]}]
                    }
                }
            }
        ),
        (
            "dask:clusters.a.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].operator:"
            " 'in' must be one of In, NotIn, Exists, DoesNotExist, Gt, Lt; did you mean 'In'?"
        ),
        schema=False,
    ),
    Case(
        "half a GPU",
        resources(limits={"nvidia.com/gpu": "0.5"}),
        (
            "dask:clusters.a.resources.limits.\"nvidia.com/gpu\": '0.5' must be a whole number, because devices"
            " are not shared; try '1'"
        ),
        schema=False,
    ),
    Case(
        "half a GPU in a pod template",
        cluster(workers=box("worker", resources={"limits": {"nvidia.com/gpu": "0.5"}})),
        (
            "dask:clusters.a.workers.podTemplate.containers[0].resources.limits.\"nvidia.com/gpu\": '0.5' must "
            "be a whole number, because devices are not shared; try '1'"
        ),
        schema=False,
    ),
    Case(
        "huge pages with another limit",
        resources(cpu="1", requests={"hugepages-2Mi": "4Mi"}, limits={"hugepages-2Mi": "8Mi"}),
        (
            "dask:clusters.a.resources.requests.hugepages-2Mi: '4Mi' must have a limit that is the same, "
            "because huge pages are not shared; add `limits: {hugepages-2Mi: '4Mi'}`"
        ),
        schema=False,
    ),
    Case(
        "huge pages alone",
        resources(requests={"hugepages-2Mi": "4Mi"}, limits={"hugepages-2Mi": "4Mi"}),
        ("dask:clusters.a.resources.requests.hugepages-2Mi: '4Mi' needs cpu or memory as well; add `memory`"),
        schema=False,
    ),
    Case(
        "a mount of no volume",
        cluster(workers=box("worker", volumeMounts=[{"name": "no", "mountPath": "/x"}])),
        (
            "dask:clusters.a.workers.podTemplate.containers[0].volumeMounts[0].name: 'no' is not a volume of the"
            " pod; add the volume"
        ),
        schema=False,
    ),
    Case(
        "a volume of a pod template without a source",
        template(volumes=[{"name": "x"}]),
        ("dask:clusters.a.podTemplate.volumes[0]: needs exactly one source; add one, such as `emptyDir: {}`"),
        schema=False,
    ),
    Case(
        "a volume of a pod template with two sources",
        template(volumes=[{"name": "x", "emptyDir": {}, "secret": {"secretName": "s"}}]),
        ("dask:clusters.a.podTemplate.volumes[0]: needs exactly one source; keep one of emptyDir and secret"),
        schema=False,
    ),
    Case(
        "a mount without a path",
        cluster(workers=box("worker", volumeMounts=[{"name": "no"}])),
        ("dask:clusters.a.workers.podTemplate.containers[0].volumeMounts[0].mountPath: is missing; add `mountPath`"),
        schema=False,
    ),
    Case(
        "another name of a worker by a pod template",
        cluster(workers=box("worker", env=[{"name": "DASK_WORKER_NAME", "value": "w"}])),
        (
            "dask:clusters.a.workers.podTemplate.containers[0].env[0]: cannot set DASK_WORKER_NAME: the "
            "operator sets it to the Deployment's name, which scaling down relies on; remove "
            "it"
        ),
        schema=False,
    ),
    Case(
        "a second port of one name",
        cluster(scheduler=box("scheduler", ports=[{"containerPort": 9000, "name": "http-dashboard"}])),
        (
            "dask:clusters.a.scheduler.podTemplate.containers[0].ports[0].name: 'http-dashboard' is the name "
            "of two ports; rename one"
        ),
        schema=False,
    ),
    Case(
        "a probe that asks nothing",
        cluster(scheduler=box("scheduler", readinessProbe={"httpGet": None})),
        (
            "dask:clusters.a.scheduler.podTemplate.containers[0].readinessProbe: needs exactly one of exec, "
            "httpGet, tcpSocket; add one"
        ),
        schema=False,
    ),
    Case(
        "a liveness probe that has to succeed twice",
        cluster(scheduler=box("scheduler", livenessProbe={"successThreshold": 2})),
        (
            "dask:clusters.a.scheduler.podTemplate.containers[0].livenessProbe.successThreshold: 2 must be 1 "
            "for this probe; use 1"
        ),
        schema=False,
    ),
    Case(
        "a policy in lower case",
        cluster(scheduler=box("scheduler", imagePullPolicy="always")),
        (
            "dask:clusters.a.scheduler.podTemplate.containers[0].imagePullPolicy: 'always' must be one of "
            "Always, IfNotPresent, Never; did you mean 'Always'?"
        ),
        schema=False,
    ),
    Case(
        "a probe of an init container",
        template(
            initContainers=[{"name": "i", "image": "x:1", **SECURE, "readinessProbe": {"exec": {"command": ["a"]}}}]
        ),
        (
            "dask:clusters.a.podTemplate.initContainers[0].readinessProbe: is not for init containers, which "
            "end before the others begin; remove it"
        ),
        schema=False,
    ),
    Case(
        "a port's name in upper case",
        template(
            containers=[{"name": "s", "image": "x:1", **SECURE, "ports": [{"containerPort": 1, "name": "THE_PORT"}]}]
        ),
        (
            "dask:clusters.a.podTemplate.containers[0].ports[0].name: 'THE_PORT' must be a port's name: at "
            "most 15 lower-case letters, digits and '-', and one letter at least; shorten or rename it"
        ),
        schema=False,
    ),
]
