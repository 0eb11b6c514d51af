"""Mistakes in wrong types, numbers out of range, and typos."""

from tests.unit.badsettings.cases import Case, cluster, scratch, volumes, workers

VALUES = [
    Case(
        "a cluster that is a text",
        {"clusters": {"a": "b"}},
        "dask:clusters.a: 'b' must be a mapping; write `key: value` lines below it",
    ),
    Case(
        "a cluster without anything",
        {"clusters": {"a": None}},
        "dask:clusters.a: is empty; write {} if that is meant, or remove the line",
    ),
    Case(
        "clusters as a list",
        {"clusters": [{"name": "a"}]},
        'dask:clusters: [{"name": "a"}] must be a mapping; write `key: value` lines below it',
    ),
    Case(
        "an option without a value",
        cluster(tls={"enabled": True, "secret": None}),
        "dask:clusters.a.tls.secret: is empty; give it a value, or remove the line",
    ),
    Case(
        "a list where one text stands",
        cluster(imagePullSecrets="registry"),
        "dask:clusters.a.imagePullSecrets: 'registry' must be a list; write [\"registry\"]",
    ),
    Case(
        "a text where true or false is meant",
        cluster(verify="yes"),
        "dask:clusters.a.verify: 'yes' must be true or false; write true without quotes",
    ),
    Case(
        "a podTemplate that is no mapping",
        cluster(podTemplate="spec: {}"),
        "dask:clusters.a.podTemplate: 'spec: {}' must be a mapping; write `key: value` lines below it",
    ),
    Case("negative replicas", workers(replicas=-1), "dask:clusters.a.workers.replicas: -1 must be at least 0; use 0"),
    Case(
        "quoted replicas",
        workers(replicas="2"),
        "dask:clusters.a.workers.replicas: '2' must be a whole number; write 2 without quotes",
    ),
    Case(
        "replicas with a decimal point",
        workers(replicas=2.0),
        "dask:clusters.a.workers.replicas: 2.0 must be a whole number; write 2",
        schema=False,
    ),
    Case(
        "replicas: true",
        workers(replicas=True),
        "dask:clusters.a.workers.replicas: true must be a whole number; give a number",
    ),
    Case(
        "a million replicas",
        workers(replicas=1_000_000),
        "dask:clusters.a.workers.replicas: 1000000 must be at most 10000; use 10000",
    ),
    Case(
        "more replicas than a number of JSON holds",
        workers(replicas=10**30),
        "dask:clusters.a.workers.replicas: 1000000000000000000000000000000 must be at most 10000; use 10000",
    ),
    Case(
        "a minimum above the maximum",
        workers(minimum=3, maximum=2),
        "dask:clusters.a.workers.minimum: 3 is above the maximum of 2; swap them",
        schema=False,
    ),
    Case(
        "a minimum without a maximum",
        workers(minimum=3),
        "dask:clusters.a.workers.minimum: 3 needs the maximum too; add `maximum`",
    ),
    Case(
        "replicas and bounds",
        workers(replicas=2, minimum=1, maximum=3),
        "dask:clusters.a.workers.replicas: 2 cannot be combined with minimum and maximum; keep one or the other",
    ),
    Case(
        "bounds of a group that are swapped",
        cluster(workerGroups={"b": {"minimum": 4, "maximum": 3}}),
        "dask:clusters.a.workerGroups.b.minimum: 4 is above the maximum of 3; swap them",
        schema=False,
    ),
    Case(
        "an idle time without bounds",
        workers(idleTime="5m"),
        "dask:clusters.a.workers.idleTime: '5m' would be ignored: the number of workers is fixed; remove it",
    ),
    Case(
        "a number of starting workers without bounds",
        cluster(workerGroups={"b": {"replicas": 2, "maximumStarting": 2}}),
        (
            "dask:clusters.a.workerGroups.b.maximumStarting: 2 would be ignored: the number of workers is fixed; "
            "remove it"
        ),
    ),
    Case(
        "resources in two places",
        workers(daskResources={"GPU": 1}, extraArgs=["--resources", "GPU=2"]),
        "dask:clusters.a.workers.daskResources: would be replaced by `--resources` in `extraArgs`; remove it",
        schema=False,
    ),
    Case(
        "a resource's name with a blank",
        workers(daskResources={"A GPU": 1}),
        (
            "dask:clusters.a.workers.daskResources.\"A GPU\": 'A GPU' must be letters, digits, '-', '_' and '.', "
            "at most 63 of them; rename it, such as 'GPU'"
        ),
    ),
    Case(
        "bounds of an adopted cluster",
        cluster(adopt=True, update="recreate", workers={"minimum": 1, "maximum": 3}),
        (
            "dask:clusters.a.adopt: true keeps workers that cannot be told apart by their names, so no number of "
            "workers can follow the work; remove it, or use `replicas`"
        ),
        schema=False,
    ),
    Case(
        "a cluster that the operator deletes when it is idle",
        cluster(idleTimeout="1h"),
        (
            "dask:clusters.a.idleTimeout: '1h' would let the operator delete the cluster, with the results that "
            "clients hold on it, at a time that no preview can tell; remove it, and use `workers: {minimum: 0, "
            "maximum: 10}`, or `suspended: true` at fixed hours"
        ),
    ),
    Case(
        "a cluster that is adopted and suspended",
        cluster(adopt=True, update="recreate", suspended=True),
        (
            "dask:clusters.a.suspended: true would delete the cluster that `adopt` takes over; remove it, and suspend "
            "the cluster when `adopt` is removed"
        ),
    ),
    Case("no threads", workers(threads=0), "dask:clusters.a.workers.threads: 0 must be at least 1; use 1"),
    Case("a mistyped top-level key", {"cluster": {}}, "dask:cluster: is not an option; did you mean 'clusters'?"),
    Case(
        "a mistyped key of the namespace",
        {"namespace": {"nmae": "x"}},
        "dask:namespace.nmae: is not an option; did you mean 'name'?",
    ),
    Case(
        "a mistyped key of the operator's image",
        {"operator": {"image": {"tags": "1"}}},
        "dask:operator.image.tags: is not an option; did you mean 'tag'?",
    ),
    Case(
        "a mistyped key of a cluster",
        cluster(imgae="x"),
        "dask:clusters.a.imgae: is not an option; did you mean 'image'?",
    ),
    Case(
        "a key in snake case",
        cluster(worker_groups={}),
        "dask:clusters.a.worker_groups: is not an option; did you mean 'workerGroups'?",
    ),
    Case(
        "a mistyped key of workers",
        workers(replica=1),
        "dask:clusters.a.workers.replica: is not an option; did you mean 'replicas'?",
    ),
    Case(
        "a mistyped key of a worker group",
        cluster(workerGroups={"b": {"thread": 1}}),
        "dask:clusters.a.workerGroups.b.thread: is not an option; did you mean 'threads'?",
    ),
    Case(
        "a mistyped key of a volume",
        volumes(scratch("data", "/data") | {"readonly": True}),
        "dask:clusters.a.volumes[0].readonly: is not an option; did you mean 'readOnly'?",
    ),
    Case(
        "a mistyped key of a probe",
        cluster(scheduler={"probes": {"readiness": {"period": 1}}}),
        "dask:clusters.a.scheduler.probes.readiness.period: is not an option; did you mean 'periodSeconds'?",
    ),
    Case(
        "a key that is like no other",
        cluster(tls={"zebra": 1}),
        "dask:clusters.a.tls.zebra: is not an option; choose from enabled, secret, issuer, rotation, validDays",
    ),
    Case(
        "a mistyped choice",
        cluster(update="bluegreen"),
        "dask:clusters.a.update: 'bluegreen' must be one of blueGreen, recreate; did you mean 'blueGreen'?",
    ),
    Case(
        "an unknown choice",
        cluster(endpoint={"type": "Ingress"}),
        (
            "dask:clusters.a.endpoint.type: 'Ingress' must be one of ClusterIP, NodePort, LoadBalancer; choose one "
            "of them"
        ),
    ),
    Case(
        "a price in quotes",
        {"prices": {"cpu": "0.04"}},
        "dask:prices.cpu: '0.04' must be a number; write 0.04 without quotes",
    ),
    Case(
        "a price in words",
        {"prices": {"memory": "cheap"}},
        "dask:prices.memory: 'cheap' must be a number; give a number",
    ),
    Case(
        "a price below zero",
        {"prices": {"gpu": -1}},
        "dask:prices.gpu: -1 must be at least 0; use 0",
    ),
]
