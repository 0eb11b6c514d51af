"""Renders the pod specs of the scheduler, the workers, the verify Job and the notebook.

The CRDs carry the PodSpec of about Kubernetes 1.21 and silently drop fields that they do not know: the contract
tests check every rendered spec against them.
"""

import json
from dataclasses import replace

from ..manifests import worker_arguments as workerargs
from ..manifests.context import PodContext, Spec
from ..manifests.embedding import AUTOSCALER, pre_stop, program, script
from ..manifests.environment import environment, tls_environment, variable
from ..manifests.program_pods import of_any_pod, own_resources, plain
from ..settings.cluster import Cluster, Scheduler
from ..settings.formats.quantities import seconds
from ..settings.pod import PodSettings, ProbeTiming
from ..settings.pod_merge import laid_over
from ..settings.tls import Tls
from ..settings.workers import WorkerPods
from ..vocabulary import COMM, DASHBOARD, NOTEBOOK_PORT, TLS_PATH, TLS_VOLUME

# Kubernetes must not act on a preStop that has just begun its last step.
RETIRE_MARGIN_SECONDS = 5
STARTUP_SECONDS = 1800
USER_ID = 1000
AUTOSCALER_PORT = 9100
RUNNER_PATIENCE = "600s"


def scheduler(settings: Scheduler, pod: PodSettings, context: PodContext) -> Spec:
    """The scheduler's pod spec. Its port names are what the endpoint and the probes refer to."""
    container = _container("scheduler", pod, context, tls_environment("scheduler", context.tls))
    dashboard = f"{workerargs.EVERY_ADDRESS}:{settings.dashboard_port}"
    container["args"] = [
        # Without --host it listens on IPv4 and IPv6.
        *("dask", "scheduler", "--port", str(settings.port), "--dashboard-address", dashboard),
        *settings.extra_args,
    ]
    container["ports"] = [_port(COMM, settings.port), _port(DASHBOARD, settings.dashboard_port)]
    container["readinessProbe"] = _probe(settings.probes.readiness, period=1, timeout=5, failures=15)
    # A scheduler that takes in a large graph is silent for minutes, and a restart loses all work. So the liveness probe
    # is the last resort, after 20 minutes. It does not begin before the start is over: packages may take minutes.
    container["startupProbe"] = _probe(None, period=1, timeout=5, failures=STARTUP_SECONDS)
    container["livenessProbe"] = _probe(settings.probes.liveness, period=30, timeout=30, failures=40)
    return laid_over(_pod(pod, context, container, "scheduler") | _both_families(), pod.pod_template)


def worker(settings: WorkerPods, pod: PodSettings, context: PodContext) -> Spec:
    """A worker's pod spec. Its name is that of its Deployment; the operator and the preStop find it by that name."""
    grace = seconds(settings.termination_grace_period)
    retire = max(1, grace - RETIRE_MARGIN_SECONDS)
    env = [variable("DASK_SCHEDULER_ADDRESS", context.scheduler_address), variable("DASK_RETIRE_SECONDS", str(retire))]
    container = _container("worker", pod, context, [*env, *tls_environment("worker", context.tls)])
    address: Spec = {"name": workerargs.POD_IP, "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    container["env"].insert(0, address)
    container["args"] = workerargs.arguments(settings, pod)
    container["ports"] = [_port(DASHBOARD, settings.dashboard_port)]
    if settings.port:
        container["ports"].insert(0, _port(COMM, settings.port))
    container["lifecycle"] = {"preStop": {"exec": {"command": pre_stop()}}}
    container["readinessProbe"] = _probe(settings.probes.readiness, period=2, timeout=5, failures=15)
    if settings.probes.liveness:
        container["startupProbe"] = _probe(None, period=2, timeout=5, failures=STARTUP_SECONDS // 2)
        container["livenessProbe"] = _probe(settings.probes.liveness, delay=15, period=15, timeout=15, failures=8)
    spec = _pod(pod, context, container, "worker") | {"terminationGracePeriodSeconds": grace} | _both_families()
    return laid_over(spec, pod.pod_template)


def verify(cluster: Cluster, context: PodContext, expected_workers: dict[str, int], ready_seconds: int) -> Spec:
    """The pod spec of the verify Job."""
    env = [
        variable("EXPECTED_WORKERS", json.dumps(expected_workers, sort_keys=True)),
        variable("READY_SECONDS", str(ready_seconds)),
    ]
    resources = own_resources(
        {"cpu": "100m", "memory": "256Mi"}, {"cpu": "2", "memory": "512Mi"}, cluster.verify_resources
    )
    spec = _helper("verify", cluster.scheduler_pod(), context, env, {"resources": resources}, script("verify"))
    # As PID 1, Python ignores SIGTERM, and a failing `up` would wait for the full grace period.
    return spec | {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1}


def autoscaler(scheduler: PodSettings, context: PodContext, account: str, declared: str) -> Spec:
    """The pod spec of the autoscaler, which has a token. It runs no code of users."""
    own: Spec = {
        "resources": {"requests": {"cpu": "50m", "memory": "192Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
        "ports": [_port("metrics", AUTOSCALER_PORT)],
        "livenessProbe": {"httpGet": {"path": "/health", "port": "metrics"}, "timeoutSeconds": 15, "periodSeconds": 60},
    }
    env = [variable("ELASTIC", declared)]
    spec = _helper("autoscaler", scheduler, context, env, own, program(*AUTOSCALER))
    return spec | {"automountServiceAccountToken": True, "serviceAccountName": account}


def _helper(
    name: str, scheduler: PodSettings, context: PodContext, env: list[dict[str, str]], more: Spec, code: str
) -> Spec:
    """The pod spec of a program of ours that is a client of the cluster. `more` belongs to its container.

    It runs in the scheduler's own image, so that the versions are the same by construction.
    """
    own = plain(scheduler)
    address = variable("DASK_SCHEDULER_ADDRESS", context.scheduler_address)
    container = _container(name, own, context, [address, *env, *tls_environment("client", context.tls)])
    # As arguments, like the workers' command: some images' entrypoint sets up the environment that Python is in.
    container |= {"args": ["python3", "-c", code]} | more
    return laid_over(_pod(own, context, container, "client"), of_any_pod(name, own.pod_template, "scheduler"))


def schedule(name: str, pod: PodSettings, context: PodContext, account: str, values: dict[str, str]) -> Spec:
    """The pod spec of a scheduled job's run, in the job's own image. It runs no code of users and no client."""
    own, context = plain(pod), replace(context, tls=Tls())
    itself = {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    container = _container(name, own, context, [itself, *(variable(key, it) for key, it in values.items())])
    resources = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}}
    container |= {"args": ["python3", "-c", script("run_job")], "resources": resources}
    spec = _pod(own, context, container, "client") | {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1}
    token = {"automountServiceAccountToken": True, "serviceAccountName": account}
    return laid_over(spec | token, of_any_pod(name, own.pod_template, "job"))


def runner(command: list[str], pod: PodSettings, context: PodContext, most_seconds: int | None = None) -> Spec:
    """The pod spec of a DaskJob's runner. Never restarted: its end is the job's end. Kubernetes stops it after
    `most_seconds`."""
    # The runner starts together with its cluster, whose scheduler may still be pulled, placed, or installing packages.
    patience = variable("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", RUNNER_PATIENCE)
    address = variable("DASK_SCHEDULER_ADDRESS", context.scheduler_address)
    container = _container("job", pod, context, [address, patience, *tls_environment("client", context.tls)])
    # As arguments, so that the image's entrypoint installs the packages first.
    container["args"] = command
    end = {"restartPolicy": "Never"} | ({"activeDeadlineSeconds": most_seconds} if most_seconds else {})
    return laid_over(_pod(pod, context, container, "client") | end, pod.pod_template)


def notebook(
    pod: PodSettings, context: PodContext, port: int, arguments: list[str], address: str, dashboard: str, token: Spec
) -> Spec:
    """The pod spec of a notebook: JupyterLab, started by the image's entrypoint with `arguments`.

    `address` is the endpoint's, `dashboard` the path or URL that clients show, `token` the source of the token.
    """
    env = [variable("DASK_SCHEDULER_ADDRESS", address), {"name": "JUPYTER_TOKEN", "valueFrom": token}]
    env += [variable("DASK_DISTRIBUTED__DASHBOARD__LINK", dashboard)] if dashboard else []
    container = _container("notebook", pod, context, [*env, *tls_environment("client", context.tls)])
    container["args"] = arguments
    container["ports"] = [_port(NOTEBOOK_PORT, port)]
    answers = {"httpGet": {"path": "/api", "port": NOTEBOOK_PORT}}
    container["readinessProbe"] = answers | {"periodSeconds": 2, "timeoutSeconds": 5, "failureThreshold": 15}
    # Packages may take minutes to install.
    container["startupProbe"] = answers | {"periodSeconds": 2, "failureThreshold": STARTUP_SECONDS // 2}
    return _pod(pod, context, container, "client")


def _container(name: str, pod: PodSettings, context: PodContext, env: list[Spec]) -> Spec:
    container: Spec = {
        "name": name,
        "image": pod.image,
        "env": [*env, *environment(pod, restricted=context.restricted)],
    }
    container["imagePullPolicy"] = pod.image_pull_policy or "IfNotPresent"
    # A crash is reported with the last lines of the log, not with an exit code alone (readiness.py).
    container["terminationMessagePolicy"] = "FallbackToLogsOnError"
    if pod.env_from:
        container["envFrom"] = [_env_from(source.secret, source.config_map, context) for source in pod.env_from]
    if pod.resources and (limits := pod.resources.all_limits()) | (requests := pod.resources.all_requests()):
        container["resources"] = {k: v for k, v in (("requests", requests), ("limits", limits)) if v}
    mounts = [volume.mount() for volume in pod.volumes]
    if context.tls.enabled:
        mounts.append({"name": TLS_VOLUME, "mountPath": TLS_PATH, "readOnly": True})
    if mounts:
        container["volumeMounts"] = mounts
    if context.restricted:
        container["securityContext"] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return container


def _pod(pod: PodSettings, context: PodContext, container: Spec, role: str) -> Spec:
    # Service links would put a variable for every Service into the pod: one called `dask` makes DASK_PORT=tcp://...
    spec: Spec = {"containers": [container], "enableServiceLinks": False, "automountServiceAccountToken": False}
    volumes = [_volume(volume.source(), context) for volume in pod.volumes]
    if context.tls.enabled:
        # cert-manager has one layout for every role.
        keys = ("ca.crt", *(f"{'tls' if context.tls.issuer else role}.{end}" for end in ("crt", "key")))
        items = [{"key": key, "path": key.replace("tls.", f"{role}.")} for key in keys]
        volumes.append({"name": TLS_VOLUME, "secret": {"secretName": context.tls_secrets[role], "items": items}})
    optional = {
        "volumes": volumes,
        "imagePullSecrets": [{"name": name} for name in pod.image_pull_secrets],
        "nodeSelector": pod.node_selector,
        "tolerations": [item.model_dump(by_alias=True, exclude_none=True) for item in pod.tolerations],
        "affinity": pod.affinity,
        "topologySpreadConstraints": list(pod.topology_spread_constraints),
        "priorityClassName": pod.priority_class,
        "serviceAccountName": pod.service_account,
    }
    if context.restricted:
        user = {"runAsNonRoot": True, "runAsUser": USER_ID, "runAsGroup": USER_ID, "fsGroup": USER_ID}
        spec["securityContext"] = user | {"seccompProfile": {"type": "RuntimeDefault"}}
    return spec | {key: value for key, value in optional.items() if value}


def _both_families() -> Spec:
    """Addresses for the name that dashboards listen on: it stands for every address of the pod, IPv4 and IPv6."""
    return {"hostAliases": [{"ip": ip, "hostnames": [workerargs.EVERY_ADDRESS]} for ip in ("0.0.0.0", "::")]}


def _volume(source: Spec, context: PodContext) -> Spec:
    if "secret" in source:
        name = source["secret"]["secretName"]
        return source | {"secret": {"secretName": context.secret(name)}}
    if "ephemeral" in source and (metadata := context.common.below({})):
        return source | {
            "ephemeral": {"volumeClaimTemplate": {"metadata": metadata, **source["ephemeral"]["volumeClaimTemplate"]}}
        }
    return source


def _env_from(secret: str | None, config_map: str | None, context: PodContext) -> Spec:
    if secret:
        return {"secretRef": {"name": context.secret(secret)}}
    return {"configMapRef": {"name": config_map}}


def _port(name: str, number: int) -> Spec:
    return {"name": name, "containerPort": number, "protocol": "TCP"}


def _probe(timing: ProbeTiming | None, *, period: int, timeout: int, failures: int, delay: int = 0) -> Spec:
    given = timing.model_dump(by_alias=True, exclude_none=True) if timing else {}
    ours = {"initialDelaySeconds": delay, "periodSeconds": period, "timeoutSeconds": timeout}
    probe = {"httpGet": {"path": "/health", "port": DASHBOARD}} | ours | {"failureThreshold": failures} | given
    return {key: value for key, value in probe.items() if value != 0}
