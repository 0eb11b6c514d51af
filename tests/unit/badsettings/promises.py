"""Mistakes that would take away what the program relies on: ports, names, hooks, variables, arguments."""

from tests.unit.badsettings.cases import Case, cluster, scratch, workers
from tests.unit.badsettings.templates import SECURE, box

PROMISES = [
    Case(
        "a worker's container in the scheduler's pod",
        cluster(scheduler=box("worker", tty=True)),
        (
            "dask:clusters.a.scheduler.podTemplate.containers[0].name: 'worker' is the container of another "
            "kind of pod; did you mean 'scheduler'?"
        ),
        schema=False,
    ),
    Case(
        "two mounts at one path by a pod template",
        cluster(
            volumes=[scratch("one", "/data")],
            workers=box("worker", volumeMounts=[{"name": "one", "mountPath": "/data/"}]),
        ),
        (
            "dask:clusters.a.workers.podTemplate.containers[0].volumeMounts[0].mountPath: '/data/' is already"
            " where 'one' is mounted; mount it somewhere else"
        ),
        schema=False,
    ),
    Case(
        "a grace period beside the setting",
        workers(podTemplate={"terminationGracePeriodSeconds": 10}),
        (
            "dask:clusters.a.workers.podTemplate.terminationGracePeriodSeconds: 10 would cut off the worker "
            "while it hands over its data; set `terminationGracePeriod: 10s`"
        ),
        schema=False,
    ),
    Case(
        "another preStop of a worker",
        cluster(workers=box("worker", lifecycle={"preStop": {"exec": {"command": ["true"]}}})),
        (
            "dask:clusters.a.workers.podTemplate.containers[0].lifecycle.preStop: replaces the hook that hands"
            " over a worker's data; remove it"
        ),
        schema=False,
    ),
    Case(
        "another scheduler by a pod template",
        cluster(scheduler=box("scheduler", env=[{"name": "DASK_SCHEDULER_ADDRESS", "value": "w"}])),
        (
            "dask:clusters.a.scheduler.podTemplate.containers[0].env[0]: cannot set DASK_SCHEDULER_ADDRESS: the"
            " program sets it to the cluster's own scheduler; remove it"
        ),
        schema=False,
    ),
    Case(
        "arguments without what the program needs",
        cluster(workers=box("worker", args=["dask", "worker"])),
        (
            "dask:clusters.a.workers.podTemplate.containers[0].args: must keep `--name $(DASK_WORKER_NAME) "
            "--dashboard-address every-address:8788`, on which the rest of the program relies; use `extraArgs` to add"
            " arguments, or repeat them here"
        ),
        schema=False,
    ),
    Case(
        "a pod template's names for the address of the dashboard",
        cluster(scheduler={"podTemplate": {"hostAliases": [{"ip": "::", "hostnames": ["lake"]}]}}),
        (
            "dask:clusters.a.scheduler.podTemplate.hostAliases: must keep 'every-address' for ::, on which the "
            "dashboard listens; remove it"
        ),
        schema=False,
    ),
    Case(
        "a pod without names for the address of the dashboard",
        workers(podTemplate={"hostAliases": None}),
        (
            "dask:clusters.a.workers.podTemplate.hostAliases: must keep 'every-address' for 0.0.0.0, on which the "
            "dashboard listens; remove it"
        ),
        schema=False,
    ),
    Case(
        "more processes by a pod template",
        cluster(
            workers=box(
                "worker",
                args=[
                    "dask",
                    "worker",
                    "--name",
                    "$(DASK_WORKER_NAME)",
                    "--dashboard-address",
                    ":8788",
                    "--nworkers",
                    "2",
                ],
            )
        ),
        (
            "dask:clusters.a.workers.podTemplate.containers[0].args[6]: '--nworkers' would change how many "
            "workers a pod has; remove it, and set `processes`"
        ),
        schema=False,
    ),
    Case(
        "more processes in a shell's command line",
        cluster(
            workers=box(
                "worker",
                command=["sh", "-c"],
                args=["exec dask worker --name $DASK_WORKER_NAME --dashboard-address :8788 --nworkers 2"],
            )
        ),
        (
            "dask:clusters.a.workers.podTemplate.containers[0].args[0]: 'exec dask worker --name "
            "$DASK_WORKER_NAME --dashboard-address :8788 --nworkers 2' would change how many workers a pod "
            "has; remove it, and set `processes`"
        ),
        schema=False,
    ),
    Case(
        "another image by a pod template",
        cluster(workers=box("worker", image="other:1")),
        (
            "dask:clusters.a.workers.podTemplate.containers[0].image: 'other:1' is not the image that clients"
            " and the verify Job use; move it to `image`"
        ),
        schema=False,
    ),
    Case(
        "a port that is renamed",
        cluster(scheduler=box("scheduler", ports=[{"containerPort": 8787, "name": "web"}])),
        (
            "dask:clusters.a.scheduler.podTemplate.containers[0].ports[0]: replaces port 8787, "
            "called 'http-dashboard', which probes and Services refer to; remove it, or set `dashboardPort`"
        ),
        schema=False,
    ),
    Case(
        "a probe of a port that does not exist",
        cluster(scheduler=box("scheduler", readinessProbe={"httpGet": {"port": "web"}})),
        (
            "dask:clusters.a.scheduler.podTemplate.containers[0].readinessProbe.httpGet.port: 'web' is not a "
            "port of the container; use 'http-dashboard' or 'tcp-comm'"
        ),
        schema=False,
    ),
    Case(
        "a probe without a pause",
        cluster(scheduler=box("scheduler", livenessProbe={"periodSeconds": 0})),
        (
            "dask:clusters.a.scheduler.podTemplate.containers[0].livenessProbe.periodSeconds: 0 must be at "
            "least 1; use 1"
        ),
        schema=False,
    ),
    Case(
        "another volume of the certificates",
        cluster(tls={"enabled": True}, workers={"podTemplate": {"volumes": [{"name": "dask-tls", "emptyDir": {}}]}}),
        "dask:clusters.a.workers.podTemplate.volumes[0]: belongs to the certificates; choose another",
        schema=False,
    ),
    Case(
        "encryption weakened by a pod template",
        cluster(
            tls={"enabled": True},
            workers=box("worker", env=[{"name": "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION", "value": "0"}]),
        ),
        (
            "dask:clusters.a.workers.podTemplate.containers[0].env[0]: cannot set "
            "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION, which the program sets, because tls is enabled; "
            "remove it"
        ),
        schema=False,
    ),
    Case(
        "pages of the scheduler that a drain asks",
        cluster(daskConfig={"distributed": {"scheduler": {"http": {"routes": ["distributed.http.health"]}}}}),
        (
            'dask:clusters.a.daskConfig.distributed.scheduler.http.routes: ["distributed.http.health"] must '
            "contain distributed.http.scheduler.json, which the program requests; add "
            "'distributed.http.scheduler.json' to it"
        ),
        schema=False,
    ),
    Case(
        "pages of a worker that the probes ask",
        workers(env={"DASK_DISTRIBUTED__WORKER__HTTP__ROUTES": "['distributed.http.statics']"}),
        (
            "dask:clusters.a.workers.env.DASK_DISTRIBUTED__WORKER__HTTP__ROUTES: "
            "\"['distributed.http.statics']\" must contain distributed.http.health, which the program requests; add"
            " 'distributed.http.health' to it"
        ),
        schema=False,
    ),
    Case(
        "an init container called like the worker's",
        workers(podTemplate={"initContainers": [{"name": "worker", "image": "x:1", **SECURE, **SECURE}]}),
        (
            "dask:clusters.a.workers.podTemplate.initContainers[0].name: 'worker' is the name of two "
            "containers; rename one"
        ),
        schema=False,
    ),
    Case(
        "workers of dask-cuda without a GPU",
        workers(command=["dask", "cuda", "worker"]),
        (
            'dask:clusters.a.workers.command: ["dask", "cuda", "worker"] starts a worker for each GPU, and no'
            " GPU is requested; add `resources: {limits: {nvidia.com/gpu: '1'}}`, or `processes`"
        ),
        schema=False,
    ),
    Case(
        "one port for several workers",
        workers(processes=2, port=9000),
        "dask:clusters.a.workers.port: 9000 can be the port of one worker only; remove it",
        schema=False,
    ),
    Case(
        "a second scheduler",
        workers(extraArgs=["tcp://x:8786"]),
        ("dask:clusters.a.workers.extraArgs[0]: 'tcp://x:8786' is a second address of a scheduler; remove it"),
        schema=False,
    ),
]
