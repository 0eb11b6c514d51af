"""Mistakes in the environment, Dask's configuration, volumes, and what is handed on to Kubernetes as it is."""

from tests.unit.badsettings.cases import Case, cluster, scratch, volumes, workers

PODS = [
    Case(
        "an environment variable with a dash",
        cluster(env={"OMP-NUM": "1"}),
        (
            "dask:clusters.a.env.OMP-NUM: 'OMP-NUM' must consist of letters, digits and '_', not starting with a "
            "digit; try 'OMP_NUM'"
        ),
    ),
    Case(
        "an environment variable that begins with a digit",
        cluster(env={"1ST": "1"}),
        (
            "dask:clusters.a.env.1ST: '1ST' must consist of letters, digits and '_', not starting with a digit; "
            "try '_1ST'"
        ),
    ),
    Case(
        "an environment variable as a number",
        cluster(env={"OMP_NUM_THREADS": 1}),
        'dask:clusters.a.env.OMP_NUM_THREADS: 1 must be a string; write "1"',
    ),
    Case(
        "an environment variable as an unquoted version",
        cluster(env={"VERSION": 2024.1}),
        (
            'dask:clusters.a.env.VERSION: 2024.1 must be a string; quote it as you wrote it: "2024.1", '
            'or with the zero that YAML has dropped, "2024.10"'
        ),
    ),
    Case(
        "an environment variable of the program",
        cluster(env={"DASK_SCHEDULER_ADDRESS": "tcp://x:8786"}),
        (
            "dask:clusters.a.env.DASK_SCHEDULER_ADDRESS: 'DASK_SCHEDULER_ADDRESS' cannot be overridden: the "
            "program sets it to the cluster's own scheduler; remove it"
        ),
    ),
    Case(
        "encryption weakened beside tls",
        cluster(tls={"enabled": True}, env={"DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "False"}),
        (
            "dask:clusters.a.env.DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION: 'False' is set by the program, "
            "because tls is enabled; remove it"
        ),
        schema=False,
    ),
    Case(
        "encryption weakened beside a job's tls",
        {
            "jobs": {
                "a": {
                    "tls": {"enabled": True},
                    "runner": {"script": "pass", "env": {"DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "False"}},
                }
            }
        },
        (
            "dask:jobs.a.runner.env.DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION: 'False' is set by the program, "
            "because tls is enabled; remove it"
        ),
        schema=False,
    ),
    Case(
        "a source of variables that is two",
        cluster(envFrom=[{"secret": "a", "configMap": "b"}]),
        "dask:clusters.a.envFrom[0]: needs exactly one of `secret` and `configMap`; keep one",
    ),
    Case(
        "a key of Dask's configuration with dots",
        cluster(daskConfig={"distributed.worker": {"memory.target": 0.6}}),
        (
            'dask:clusters.a.daskConfig."distributed.worker": is never read: Dask looks for one key on each level; '
            "nest it: `distributed: {worker: {memory: {target: 0.6}}}`"
        ),
        schema=False,
    ),
    Case(
        "a key of Dask's configuration with dots further down",
        cluster(daskConfig={"distributed": {"worker": {"memory.target": 0.6}}}),
        (
            'dask:clusters.a.daskConfig.distributed.worker."memory.target": is never read: Dask looks for one key on '
            "each level; nest it: `memory: {target: 0.6}`"
        ),
        schema=False,
    ),
    Case(
        "a key of Dask's configuration that is only a dot",
        cluster(daskConfig={"distributed": {".": 1}}),
        ('dask:clusters.a.daskConfig.distributed.".": is never read: Dask looks for one key on each level; remove it'),
        schema=False,
    ),
    Case(
        "levels of loggers that are nested",
        cluster(daskConfig={"logging": {"distributed": {"worker": "debug"}}}),
        (
            "dask:clusters.a.daskConfig.logging.distributed: must be one logger's name and its level: Dask does not "
            "start with levels that are nested; write `distributed.worker: debug`"
        ),
        schema=False,
    ),
    Case(
        "a level that is none",
        cluster(daskConfig={"logging": {"distributed.worker": "verbose"}}),
        (
            "dask:clusters.a.daskConfig.logging.\"distributed.worker\": 'verbose' must be a level of logging; write "
            "`distributed.worker: info`"
        ),
        schema=False,
    ),
    Case(
        "a key of Dask's configuration that is written twice",
        cluster(daskConfig={"a-b": 1, "a_b": 2}),
        "dask:clusters.a.daskConfig.a_b: 2 is the same to Dask as `a-b`; keep one",
        schema=False,
    ),
    Case(
        "a key of Dask's configuration that env has too",
        cluster(daskConfig={"a": {"b": 1}}, env={"DASK_A__B": "2"}),
        "dask:clusters.a.daskConfig.a.b: 1 is set by `env.DASK_A__B` too; keep one",
        schema=False,
    ),
    Case(
        "the scheduler's address in Dask's configuration",
        cluster(daskConfig={"scheduler-address": "tcp://x:8786"}),
        (
            "dask:clusters.a.daskConfig.scheduler-address: 'tcp://x:8786' cannot be set: the program sets it to "
            "the cluster's own scheduler; remove it"
        ),
        schema=False,
    ),
    Case(
        "two volumes at one path",
        volumes(scratch("one", "/data"), scratch("two", "/data/")),
        ("dask:clusters.a.volumes[1].mountPath: '/data/' is already where 'one' is mounted; mount it somewhere else"),
        schema=False,
    ),
    Case(
        "two volumes of one name",
        volumes(scratch("one", "/a"), scratch("one", "/b")),
        "dask:clusters.a.volumes[1].name: 'one' is the name of two volumes; rename one",
        schema=False,
    ),
    Case(
        "a volume that is mounted nowhere",
        volumes({"name": "data", "emptyDir": {}}),
        'dask:clusters.a.volumes[0].mountPath: is missing; add it, such as `mountPath: "/data"`',
    ),
    Case(
        "a volume without a source",
        volumes({"name": "data", "mountPath": "/data"}),
        (
            "dask:clusters.a.volumes[0]: needs exactly one of hostPath, pvc, claimTemplate, configMap, secret, "
            "emptyDir; add one, such as `emptyDir: {}`"
        ),
    ),
    Case(
        "a volume with two sources",
        volumes(scratch("data", "/data") | {"pvc": "x"}),
        (
            "dask:clusters.a.volumes[0]: needs exactly one of hostPath, pvc, claimTemplate, configMap, secret, "
            "emptyDir; keep one of pvc and emptyDir"
        ),
    ),
    Case(
        "a relative mount",
        volumes(scratch("data", "data")),
        "dask:clusters.a.volumes[0].mountPath: 'data' must be an absolute path without '..'; try '/data'",
    ),
    Case(
        "a mount over everything",
        volumes(scratch("data", "/")),
        "dask:clusters.a.volumes[0].mountPath: '/' must not be '/', and must not contain ':'; try '/data'",
    ),
    Case(
        "a mount with two dots",
        volumes(scratch("data", "/data/../etc")),
        "dask:clusters.a.volumes[0].mountPath: '/data/../etc' must be an absolute path without '..'; try '/etc'",
    ),
    Case(
        "a subPath that leaves the volume",
        volumes(scratch("data", "/data") | {"subPath": "../x"}),
        "dask:clusters.a.volumes[0].subPath: '../x' must be a path inside the volume, without '..'; try 'x'",
    ),
    Case(
        "a volume of the role where an inherited one is",
        cluster(volumes=[scratch("one", "/data")], scheduler={"volumes": [scratch("two", "/data")]}),
        (
            "dask:clusters.a.scheduler.volumes[0].mountPath: '/data' is already where the inherited volume 'one' "
            "is mounted; use another path, or call the volume 'one' to replace that one"
        ),
        schema=False,
    ),
    Case(
        "a volume where the certificates are",
        volumes(scratch("certs", "/etc/dask-tls")),
        (
            "dask:clusters.a.volumes[0].mountPath: '/etc/dask-tls' is where the certificates are mounted; use "
            "another path"
        ),
        schema=False,
    ),
    Case(
        "a directory of the node under restricted pod security",
        volumes({"name": "data", "hostPath": "/srv", "mountPath": "/data"}),
        (
            "dask:clusters.a.volumes[0].hostPath: '/srv' is a directory of the node, which pod security "
            "'restricted' forbids; set `dask:namespace.podSecurity: privileged`"
        ),
        schema=False,
    ),
    Case(
        "a field that is newer than the operator's CRDs",
        cluster(podTemplate={"resourceClaims": []}),
        (
            "dask:clusters.a.podTemplate.resourceClaims: [] is not a pod field in the operator's CRDs, and "
            "Kubernetes would silently drop it; remove it"
        ),
        schema=False,
    ),
    Case(
        "a misspelt field of a container",
        workers(podTemplate={"containers": [{"name": "worker", "volumeMount": []}]}),
        (
            "dask:clusters.a.workers.podTemplate.containers[0].volumeMount: [] is not a pod field in the "
            "operator's CRDs, and Kubernetes would silently drop it; did you mean 'volumeMounts'?"
        ),
        schema=False,
    ),
    Case(
        "a field of another type",
        cluster(podTemplate={"hostNetwork": "yes"}),
        "dask:clusters.a.podTemplate.hostNetwork: 'yes' must be true or false; see `kubectl explain pod.spec`",
        schema=False,
    ),
    Case(
        "an affinity that does not exist",
        cluster(affinity={"nodeAfinity": {}}),
        (
            "dask:clusters.a.affinity.nodeAfinity: is not a pod field in the operator's CRDs, and "
            "Kubernetes would silently drop it; did you mean 'nodeAffinity'?"
        ),
        schema=False,
    ),
    Case(
        "a spread constraint that is newer than the operator's CRDs",
        cluster(topologySpreadConstraints=[{"maxSkew": 1, "minDomains": 2}]),
        (
            "dask:clusters.a.topologySpreadConstraints[0].minDomains: 2 is not a pod field in the operator's "
            "CRDs, and Kubernetes would silently drop it; remove it"
        ),
        schema=False,
    ),
]
