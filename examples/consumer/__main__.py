"""A CronJob that computes every night on a Dask cluster of another stack, which it finds by that stack's outputs.

It uses the cluster's own image, so that both sides have the same version of Dask. The pod runs in the cluster's
namespace, which its network policies let in. When the cluster is replaced, the endpoint keeps its address.
"""

from pathlib import Path
from typing import Any

import pulumi
from pulumi_kubernetes.batch.v1 import CronJob
from pulumi_kubernetes.core.v1 import ConfigMap, Secret

config = pulumi.Config()
name = config.require("cluster")
dask = pulumi.StackReference(config.require("stack"))
cluster = dask.require_output("clusters").apply(lambda clusters: clusters[name])
namespace = dask.require_output("namespace")
# A stack whose clusters all speak plain tcp has no such output.
certificates = dask.get_output("clientTls").apply(lambda by_cluster: (by_cluster or {}).get(name, {}))

TLS = "DASK_DISTRIBUTED__COMM__TLS__"
TLS_FILES = {f"{TLS}CA_FILE": "/tls/ca", f"{TLS}CLIENT__CERT": "/tls/cert", f"{TLS}CLIENT__KEY": "/tls/key"}


def environment(address: str) -> dict[str, str]:
    """What a Dask client needs to know: its address, and with TLS where its certificate is."""
    return {"DASK_SCHEDULER_ADDRESS": address} | (TLS_FILES if address.startswith("tls://") else {})


settings = ConfigMap("dask", metadata={"namespace": namespace}, data=cluster["schedulerAddress"].apply(environment))
client = Secret("dask-client", metadata={"namespace": namespace}, string_data=pulumi.Output.secret(certificates))
program = ConfigMap(
    "program",
    metadata={"namespace": namespace},
    data={"nightly.py": (Path(__file__).parent / "nightly.py").read_text()},
)

DEFAULT = {"type": "RuntimeDefault"}
container: dict[str, Any] = {
    "name": "nightly",
    "image": cluster["image"],
    "args": ["python3", "/program/nightly.py"],
    "envFrom": [{"configMapRef": {"name": settings.metadata["name"]}}],
    "env": [{"name": "HOME", "value": "/tmp"}],
    "volumeMounts": [{"name": "tls", "mountPath": "/tls"}, {"name": "program", "mountPath": "/program"}],
    "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
}
pod = {
    "restartPolicy": "Never",
    "automountServiceAccountToken": False,
    "enableServiceLinks": False,
    "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "fsGroup": 1000, "seccompProfile": DEFAULT},
    "containers": [container],
    "volumes": [
        {"name": "tls", "secret": {"secretName": client.metadata["name"], "optional": True}},
        {"name": "program", "configMap": {"name": program.metadata["name"]}},
    ],
}
template = {"spec": {"backoffLimit": 1, "activeDeadlineSeconds": 3600, "template": {"spec": pod}}}
spec: Any = {"schedule": "30 2 * * *", "concurrencyPolicy": "Forbid", "jobTemplate": template}
nightly = CronJob("nightly", metadata={"namespace": namespace}, spec=spec)

run = pulumi.Output.format("kubectl -n {0} create job --from=cronjob/{1} now", namespace, nightly.metadata["name"])
pulumi.export("runNow", run)
