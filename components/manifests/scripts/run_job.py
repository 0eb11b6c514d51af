"""The pod of a scheduled job's run: creates a DaskJob, waits for its end, and tries again after a failure.

JOB is the DaskJob as JSON, in which NAME stands for its name; AUTOSCALER is a list of what makes its workers follow the
work, the permissions first. The Job that the CronJob has created for this point in time owns this pod, and gives the
attempts their names: `<Job>-<attempt>`. So a pod that is started again continues what it finds, and nothing runs twice.
The Job owns all that is created too, so that Kubernetes deletes it together with it.

Ends with 0 if an attempt has succeeded, with 3 if all have failed. After any other end, the Job starts the pod again.
"""

import calendar
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ACCOUNT = Path(os.environ.get("SERVICE_ACCOUNT", "/var/run/secrets/kubernetes.io/serviceaccount"))
DASK = "apis/kubernetes.dask.org/v1"
RUN_FAILED = 3
POLL_SECONDS = 2.0
REQUEST_SECONDS = 15.0
PATIENCE_SECONDS = 300.0
# Kubernetes ends a runner that takes too long. One that runs on for so long after that is on a node that is lost.
LOST_SECONDS = 300.0
TAIL_LINES = 20
ENDS = ("Succeeded", "Failed")


class Refused(Exception):
    """The API server's answer to a request that it does not carry out."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        super().__init__(f"{status} {text}")


class Api:
    """The objects of one namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        host, port = (os.environ.get(f"KUBERNETES_SERVICE_{it}", "") for it in ("HOST", "PORT"))
        self.server = os.environ.get("KUBERNETES_API", f"https://{f'[{host}]' if ':' in host else host}:{port}")
        self.trust = ssl.create_default_context(cafile=ACCOUNT / "ca.crt") if self.server.startswith("https") else None

    def read(self, api: str, resource: str, name: str) -> Any:
        """The object; None if it is missing."""
        answer = self._unless(404, "GET", api, resource, name)
        return None if answer is None else json.loads(answer)

    def create(self, api: str, resource: str, body: Any) -> bool:
        """False if the object exists."""
        return self._unless(409, "POST", api, resource, "", body) is not None

    def delete(self, api: str, resource: str, name: str) -> None:
        """Deletes the object, unless it is missing."""
        self._unless(404, "DELETE", api, resource, name, {"propagationPolicy": "Background"})

    def log(self, pod: str, container: str) -> str:
        """The end of a container's log."""
        try:
            answer = self._call("GET", "api/v1", "pods", f"{pod}/log?container={container}&tailLines={TAIL_LINES}")
            return answer.decode(errors="replace").rstrip()
        except Refused as error:
            return f"(its log cannot be read: {error})"

    def _unless(self, status: int, *request: Any) -> Any:
        try:
            return self._call(*request)
        except Refused as error:
            if error.status != status:
                raise
            return None

    def _call(self, method: str, api: str, resource: str, name: str = "", body: Any = None) -> bytes:
        """Raises `Refused`. What passes (no connection, 401 while a token is renewed, 429, 5xx) is tried again."""
        url = f"{self.server}/{api}/namespaces/{self.namespace}/{resource}" + (f"/{name}" if name else "")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self._once(method, url, body)
            except Refused as error:
                failure: Exception = error
                if error.status not in (401, 429) and error.status < 500:
                    raise
            except OSError as error:
                failure = error
            if time.monotonic() > deadline:
                raise failure
            pause()

    def _once(self, method: str, url: str, body: Any) -> bytes:
        headers = {"Accept": "application/json, */*", "User-Agent": "dask-schedule", "Content-Type": "application/json"}
        if (token := ACCOUNT / "token").exists():  # Kubernetes renews it
            headers["Authorization"] = f"Bearer {token.read_text().strip()}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_SECONDS, context=self.trust) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise Refused(error.code, error.read().decode(errors="replace")[:1000]) from error


class Attempt:
    """One DaskJob of a run."""

    def __init__(self, api: Api, name: str, timeout: float, own: list[str]) -> None:
        """`own` are the names of the program's own containers."""
        self.api, self.name, self.timeout, self.own, self.seen = api, name, timeout, own, False

    def live(self) -> Any:
        """The DaskJob; None if it is missing."""
        return self.api.read(DASK, "daskjobs", self.name)

    def create(self, bodies: str, placeholder: str, owner: Any) -> None:
        """Creates what is missing of these objects, in their order."""
        for body in json.loads(bodies.replace(placeholder, self.name)):
            body["metadata"]["ownerReferences"] = [owner]
            version, kind = body["apiVersion"], body["kind"]
            where = f"apis/{version}" if "/" in version else f"api/{version}", f"{kind.lower()}s"
            # A quota that is used up refuses what exists as well.
            missing = self.api.read(*where, body["metadata"]["name"]) is None
            if missing and self.api.create(*where, body) and kind == "DaskJob":
                tell(f"{self.name}: created")

    def delete_unless_ended(self) -> None:
        """Frees what an attempt holds that will never end. One that has ended is kept with its log."""
        if self.live() is not None and self.look()[0] not in ENDS:
            self.api.delete(DASK, "daskjobs", self.name)

    def succeeded(self) -> bool:
        """Waits for the end, and reports it."""
        while True:
            state, words = self.look()
            if state in (*ENDS, "Lost"):
                tell(f"{self.name}: {words}")
                return state == "Succeeded"
            pause()

    def look(self) -> tuple[str, str]:
        """`Pending`, `Running`, `Succeeded`, `Failed` or `Lost`, and what is to be said of that."""
        # The DaskJob first: the operator writes `Running` into it after the pod has begun to run.
        job = self.live()
        pod = self.api.read("api/v1", "pods", f"{self.name}-runner")
        if pod is None:
            return self._without_a_pod(job)
        self.seen = True
        phase = phase_of(pod, self.own)
        if phase in ENDS:
            why = f" ({pod['status']['reason']})" if phase == "Failed" and pod["status"].get("reason") else ""
            return phase, f"{phase.lower()}{why}; its last lines:\n{self.api.log(f'{self.name}-runner', 'job')}"
        begun = pod["status"].get("startTime") if phase != "Pending" else None
        if begun is None and job is not None and age(job["metadata"]["creationTimestamp"]) > self.timeout:
            return "Lost", f"its program has not started within {self.timeout:.0f} s, its timeout"
        if begun is not None and age(begun) > self.timeout + LOST_SECONDS:
            return "Lost", "lost: it runs on long after its timeout, as on a node that is away"
        return phase, ""

    def _without_a_pod(self, job: Any) -> tuple[str, str]:
        if job is None:
            return "Lost", "its DaskJob was deleted"
        status = job.get("status", {}).get("jobStatus")
        if status in ("Successful", "Failed"):
            state = "Succeeded" if status == "Successful" else "Failed"
            return state, f"{state.lower()}; its pod, and so its log, was deleted"
        if self.seen or status == "Running":
            return "Lost", "lost its runner's pod: the pod or its node was deleted"
        if age(job["metadata"]["creationTimestamp"]) > self.timeout:
            return "Lost", f"no pod was created for it within {self.timeout:.0f} s, its timeout"
        return "Pending", ""


def phase_of(pod: Any, own: list[str]) -> str:
    """What the program is doing, as a pod's phase: that of its own containers, once they have ended.

    A container that a webhook has added does not end, or fails, and the pod with it. (As in lifecycle/runner.py.)
    """
    status = pod.get("status", {})
    states = [it.get("state", {}) for it in status.get("containerStatuses", ()) if it["name"] in own]
    ended = [state["terminated"] for state in states if "terminated" in state]
    if len(ended) == len(own):
        return "Failed" if any(it.get("exitCode") for it in ended) else "Succeeded"
    return status.get("phase", "Pending")


def run(api: Api, bodies: str, placeholder: str, pod: str, retries: int, timeout: float) -> int:
    """The exit code."""
    owner = owner_of(api.read("api/v1", "pods", pod))
    [job] = (body for body in json.loads(bodies) if body["kind"] == "DaskJob")
    own = [container["name"] for container in job["spec"]["job"]["spec"]["containers"]]
    attempts = [Attempt(api, f"{owner['name']}-{number}", timeout, own) for number in range(retries + 1)]
    begun = [number for number, attempt in enumerate(attempts) if attempt.live() is not None]
    # Each attempt begins after those before it have failed, also those whose DaskJob is deleted.
    for number in range(max(begun, default=0), len(attempts)):
        attempts[number].create(bodies, placeholder, owner)
        for earlier in attempts[:number]:
            earlier.delete_unless_ended()
        if attempts[number].succeeded():
            return 0
    attempts[-1].delete_unless_ended()
    tell(f"{owner['name']}: failed" + (f" {len(attempts)} times" if retries else ""))
    return RUN_FAILED


def owner_of(pod: Any) -> Any:
    """The reference to the Job of this pod, as an owner whose foreground deletion waits for what it owns."""
    [owner] = [it for it in pod["metadata"]["ownerReferences"] if it["kind"] == "Job"]
    return {key: owner[key] for key in ("apiVersion", "kind", "name", "uid")} | {"blockOwnerDeletion": True}


def in_order(job: str, autoscaler: str) -> str:
    """The objects of an attempt: permissions first, which may be refused, and the autoscaler after what it follows."""
    rest = json.loads(autoscaler)
    return json.dumps([*rest[:-1], json.loads(job), *rest[-1:]])


def age(timestamp: str) -> float:
    """Seconds since a time that Kubernetes has written."""
    return time.time() - calendar.timegm(time.strptime(timestamp, "%Y-%m-%dT%H:%M:%SZ"))


def pause() -> None:
    """Waits for the next look."""
    time.sleep(POLL_SECONDS)


def tell(line: str) -> None:
    """Writes a line into the log."""
    print(line, flush=True)


def main() -> int:
    """Carries out the run that the environment describes."""
    given = os.environ
    api, bodies = Api(given["NAMESPACE"]), in_order(given["JOB"], given.get("AUTOSCALER", "[]"))
    try:
        return run(api, bodies, given["NAME"], given["POD"], int(given["RETRIES"]), float(given["TIMEOUT_SECONDS"]))
    except (Refused, OSError) as error:
        tell(f"the API server has refused a request, or does not answer: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
