"""The Kubernetes API as far as the autoscaler needs it, with Python's own library and the token of its pod."""

import json
import os
import ssl
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from elastic_state import Live

ACCOUNT = Path(os.environ.get("SERVICE_ACCOUNT", "/var/run/secrets/kubernetes.io/serviceaccount"))
DASK = "apis/kubernetes.dask.org/v1"
LAST_HANDLED = "kopf.zalando.org/last-handled-configuration"
# On the DaskJob of a job that has succeeded before: no cluster is created for it (lifecycle/jobs.py).
RECORD = "dask-on-kubernetes/record"
REQUEST_SECONDS = 15.0
# The owner of what is written, by which the program tells its numbers from those of the configuration.
MANAGER = "dask-autoscaler"


class Refused(Exception):
    """The API server's answer to a request that it does not carry out."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        super().__init__(f"{status} {text}")


class Api:
    """The objects of one cluster in its namespace."""

    def __init__(self, namespace: str, cluster: str) -> None:
        self.namespace, self.cluster, self.requests = namespace, cluster, 0
        host, port = (os.environ[f"KUBERNETES_SERVICE_{it}"] for it in ("HOST", "PORT"))
        self.server = os.environ.get("KUBERNETES_API", f"https://{f'[{host}]' if ':' in host else host}:{port}")
        self.trust = ssl.create_default_context(cafile=ACCOUNT / "ca.crt") if self.server.startswith("https") else None

    def groups(self, names: list[str]) -> tuple[dict[str, Live], dict[str, str]]:
        """The live groups with these names, and the version of each. A missing group, or one that ends, is left out."""
        pods: dict[str, list[str]] = {}
        refused: dict[str, str] = {}
        about = quote(f"dask.org/cluster-name={self.cluster},dask.org/component=worker")
        for it in self._call("GET", self._url("apis/apps/v1", "deployments") + f"?labelSelector={about}")["items"]:
            group = it["metadata"]["labels"].get("dask.org/workergroup-name", "")
            if "deletionTimestamp" not in it["metadata"]:
                pods.setdefault(group, []).append(it["metadata"]["name"])
                refused[group] = refused.get(group) or refusal(it)
        live, versions = {}, {}
        for name in names:
            group = self._find("daskworkergroups", name)
            if group:
                replicas = group["spec"]["worker"]["replicas"]
                live[name] = Live(tuple(sorted(pods.get(name, []))), replicas, handled(group), refused.get(name, ""))
                versions[name] = group["metadata"]["resourceVersion"]
        return live, versions

    def job_has_ended(self) -> bool:
        """Whether the DaskJob of the cluster's name is missing, or its cluster is after it was created.

        The operator deletes the cluster when the job's program has ended, whatever its result.
        """
        job = self._find("daskjobs", self.cluster)
        if job is None or RECORD in job["metadata"].get("annotations", {}):
            return True
        return "clusterName" in job.get("status", {}) and self._find("daskclusters", self.cluster) is None

    def _find(self, resource: str, name: str) -> Any:
        """The Dask object; None if it is missing or terminating."""
        try:
            found = self._call("GET", self._url(DASK, resource, name))
        except Refused as error:
            if error.status == 404:
                return None
            raise
        return None if "deletionTimestamp" in found["metadata"] else found

    def resize(self, name: str, replicas: int, version: str) -> None:
        """Writes a group's number of workers, unless the group has been changed since `version`."""
        patch = {"metadata": {"resourceVersion": version}, "spec": {"worker": {"replicas": replicas}}}
        self._call("PATCH", self._url(DASK, "daskworkergroups", name) + f"?fieldManager={MANAGER}", patch)

    def delete(self, deployment: str) -> None:
        """Deletes a worker's Deployment. It is missing at once, so that the operator counts without it."""
        try:
            options = {"propagationPolicy": "Background"}
            self._call("DELETE", self._url("apis/apps/v1", "deployments", deployment), options)
        except Refused as error:
            if error.status != 404:
                raise

    def tell(self, reason: str, text: str, *, warning: bool) -> None:
        """An Event on the DaskCluster."""
        meta = self._call("GET", self._url(DASK, "daskclusters", self.cluster))["metadata"]
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        about = {"apiVersion": "kubernetes.dask.org/v1", "kind": "DaskCluster", "name": self.cluster}
        event = {
            "metadata": {"generateName": f"{self.cluster}-", "namespace": self.namespace},
            "involvedObject": about | {"namespace": self.namespace, "uid": meta["uid"]},
            "reason": reason,
            "message": text[:1000],
            "type": "Warning" if warning else "Normal",
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "source": {"component": MANAGER},
        }
        self._call("POST", self._url("api/v1", "events"), event)

    def _url(self, api: str, resource: str, name: str = "") -> str:
        return f"{self.server}/{api}/namespaces/{self.namespace}/{resource}" + (f"/{name}" if name else "")

    def _call(self, method: str, url: str, body: Any = None) -> Any:
        """Raises `Refused` for an answer that is not a success, and `OSError` where none comes."""
        self.requests += 1
        headers = {"Accept": "application/json", "User-Agent": MANAGER}
        if (token := ACCOUNT / "token").exists():  # Kubernetes renews it
            headers["Authorization"] = f"Bearer {token.read_text().strip()}"
        if body is not None:
            kind = "merge-patch+json" if method == "PATCH" else "json"
            headers["Content-Type"] = f"application/{kind}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_SECONDS, context=self.trust) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refused(error.code, _message(error.read())) from error


def _message(body: bytes) -> str:
    """What the API server says, in one line."""
    try:
        return " ".join(str(json.loads(body)["message"]).split())
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")[:200]


def handled(group: Any) -> int | None:
    """The number of workers that the operator last brought a group to, from kopf's annotation."""
    written = json.loads(group["metadata"].get("annotations", {}).get(LAST_HANDLED, "{}"))
    return written.get("spec", {}).get("worker", {}).get("replicas")


def refusal(deployment: Any) -> str:
    """Why no pod of a Deployment may be created: a quota, an admission webhook, a LimitRange."""
    conditions = deployment.get("status", {}).get("conditions", [])
    said = [it.get("message", "") for it in conditions if it["type"] == "ReplicaFailure" and it["status"] == "True"]
    return said[0] if said else ""
