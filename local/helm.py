"""`kubernetes:helm.sh/v3:Release` by the helm binary. In: the resource's inputs. Out: a plan; then its outputs.

What is deployed is read from Helm's own record (a Secret): an unchanged release costs one request and no helm process.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

import yaml

from components.names import PART_OF
from local.changes import Change, differences
from local.helmrecord import newest, other_chart
from local.kubernetes import build
from local.live import ApiError, Cluster
from local.progress import Progress
from local.refs import Ref

# Inputs with a helm flag of the same meaning, then those read below; any other is refused, not dropped.
_SWITCHES = {
    "atomic": "--atomic",
    "cleanupOnFail": "--cleanup-on-fail",
    "createNamespace": "--create-namespace",
    "dependencyUpdate": "--dependency-update",
    "devel": "--devel",
    "disableOpenapiValidation": "--disable-openapi-validation",
    "disableWebhooks": "--no-hooks",
    "forceUpdate": "--force",
    "resetValues": "--reset-values",
    "skipCrds": "--skip-crds",
    "verify": "--verify",
    "waitForJobs": "--wait-for-jobs",
}
_READ = {
    *("name", "namespace", "chart", "version", "repositoryOpts", "values"),
    *("timeout", "skipAwait", "description", "maxHistory"),
}
# What the SDK always sends, and what says nothing to helm.
_HARMLESS = {"compat", "allowNullValues", "resourceNames", "manifest", "checksum", "lint", "postrender", "keyring"}


class HelmError(Exception):
    """helm's own words."""


@dataclass(frozen=True)
class ReleasePlan:
    """What would happen to a release."""

    action: str
    inputs: Mapping[str, Any]
    deployed: dict[str, Any] | None
    changes: tuple[Change, ...] = ()
    note: str = ""


def plan(cluster: Cluster, inputs: Mapping[str, Any], part_of: str) -> ReleasePlan:
    """Compare chart, version and values with what Helm's record says is deployed."""
    if not inputs.get("name"):
        raise HelmError("the Release has no `name`; without an engine no state could remember a made-up one")
    if odd := {key for key, value in inputs.items() if value} - {*_SWITCHES, *_READ, *_HARMLESS}:
        raise HelmError(f"not supported without an engine: {', '.join(sorted(odd))}")
    record = newest(cluster, _namespace(cluster, inputs), inputs["name"])
    if record is None:
        return ReleasePlan("create", inputs, None)
    state = record["info"]["status"]
    values = tuple(differences(record.get("config") or {}, inputs.get("values") or {}, ("values",)))
    if state != "deployed":
        return ReleasePlan("update", inputs, record, values, f"the last helm run left it in state {state}")
    owner = record["labels"].get(PART_OF)
    if owner not in (None, part_of):
        raise HelmError(f"the release belongs to the stack {owner}; give this one another name or namespace")
    if owner is None:
        return ReleasePlan("update", inputs, record, values, "taken over as it is" if not values else "taken over")
    if note := other_chart(record["chart"], inputs):
        return ReleasePlan("update", inputs, record, values, note)
    return ReleasePlan("update" if values else "same", inputs, record, values)


def install(cluster: Cluster, step: ReleasePlan, part_of: str, progress: Progress) -> dict[str, Any]:
    """helm upgrade --install, unless nothing changed; the release's outputs."""
    inputs, namespace = step.inputs, _namespace(cluster, step.inputs)
    if step.action != "same":
        if step.deployed and step.deployed["info"]["status"].startswith("pending"):
            _forget_interrupted(cluster, namespace, step.deployed, progress)
        with tempfile.NamedTemporaryFile("w", prefix="values-", suffix=".yaml") as values:
            yaml.safe_dump(inputs.get("values") or {}, values)
            values.flush()
            arguments = ["upgrade", inputs["name"], inputs["chart"], "--install", "--namespace", namespace]
            run(
                cluster,
                [*arguments, "--values", values.name, "--labels", f"{PART_OF}={part_of}", *_flags(inputs)],
                progress,
            )
    record = newest(cluster, namespace, inputs["name"])
    if record is None:
        raise HelmError(f"helm reported success, but there is no record of release {namespace}/{inputs['name']}")
    return outputs(inputs, record)


def outputs(inputs: Mapping[str, Any], record: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the provider returns for a Release, as far as Helm's record holds it."""
    if record is None:
        return dict(inputs)
    metadata = record["chart"]["metadata"]
    status = {
        "name": record["name"],
        "namespace": record["namespace"],
        "revision": record["version"],
        "status": record["info"]["status"],
        "chart": metadata["name"],
        "version": metadata["version"],
        "appVersion": metadata.get("appVersion", ""),
    }
    return {**inputs, "status": status}


def uninstall(cluster: Cluster, namespace: str, name: str, timeout_seconds: float, progress: Progress) -> None:
    """helm uninstall, waiting until what it made is gone. CRDs stay: Helm never deletes what lies in crds/."""
    flags = ["--wait", "--cascade", "foreground", "--ignore-not-found", "--timeout", f"{timeout_seconds:.0f}s"]
    run(cluster, ["uninstall", name, "--namespace", namespace, *flags], progress)


def of_stack(cluster: Cluster, part_of: str, namespaces: Set[str] = frozenset()) -> list[tuple[str, str]]:
    """(namespace, name) of every release with our label, in whatever state.

    `namespaces` are searched where listing the whole cluster is not allowed.
    """
    selector = f"owner=helm,{PART_OF}={part_of}"
    try:
        found = list(cluster.list("v1", "Secret", labelSelector=selector))
    except ApiError as error:
        if error.status != 403:
            raise
        found = [it for home in sorted(namespaces) for it in cluster.list("v1", "Secret", home, labelSelector=selector)]
    return sorted({(item["metadata"]["namespace"], item["metadata"]["labels"]["name"]) for item in found})


def run(cluster: Cluster, arguments: list[str], progress: Progress) -> None:
    """Run helm against this cluster, saying now and then that it still runs. Ctrl-C reaches helm by itself."""
    command = [tool("helm"), *arguments]
    if cluster.kubeconfig:
        command += ["--kubeconfig", cluster.kubeconfig]
    if cluster.context:
        command += ["--kube-context", cluster.context]
    what = f"helm {' '.join(arguments[:2])}"
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        while True:
            try:
                _, errors = process.communicate(timeout=progress.line_every_seconds)
                break
            except subprocess.TimeoutExpired:
                progress.say(f"  waiting for {what}, {time.monotonic() - started:.0f} s")
    if process.returncode:
        words = [line for line in errors.strip().splitlines() if not line.startswith("WARNING: Kubernetes conf")]
        raise HelmError("\n".join([f"`{what}` ended with exit code {process.returncode}:", *words]))


def tool(name: str) -> str:
    """helm or kubectl: from PATH, else the one that belongs to the local Kubernetes."""
    if found := shutil.which(name):
        return found
    # Only where it has been built: to build it means to build Kubernetes.
    path = build.product_path() / "tools" / name
    if os.access(path, os.X_OK):
        return str(path)
    raise HelmError(
        f"{name} is not on PATH and not built here; install it (https://helm.sh/docs/intro/install), "
        "or run `make cluster`, which builds one"
    )


def _namespace(cluster: Cluster, inputs: Mapping[str, Any]) -> str:
    return inputs.get("namespace") or cluster.namespace


def _flags(inputs: Mapping[str, Any]) -> list[str]:
    flags = [flag for key, flag in _SWITCHES.items() if inputs.get(key)]
    if not inputs.get("skipAwait"):
        flags.append("--wait")
    if repository := (inputs.get("repositoryOpts") or {}).get("repo"):
        flags += ["--repo", repository]
    for key, flag in (("version", "--version"), ("description", "--description"), ("maxHistory", "--history-max")):
        if inputs.get(key):
            flags += [flag, str(inputs[key])]
    return [*flags, "--timeout", f"{inputs.get('timeout') or 300}s"]


def _forget_interrupted(cluster: Cluster, namespace: str, record: Mapping[str, Any], progress: Progress) -> None:
    """A killed helm leaves a `pending-*` revision, and every later helm refuses to work beside it."""
    release, state = f"{namespace}/{record['name']}", record["info"]["status"]
    progress.say(f"  release {release}: dropping revision {record['version']}, an interrupted {state}")
    try:
        cluster.delete(Ref("v1", "Secret", namespace, record["secret"]))
    except ApiError as error:
        fix = f"try `helm rollback {record['name']} --namespace {namespace}`"
        raise HelmError(f"release {release} is {state} and its record cannot be dropped: {error}; {fix}") from error
