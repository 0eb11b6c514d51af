"""`kubernetes:helm.sh/v3:Release` by the helm binary. In: the resource's inputs. Out: a plan; then its outputs.

What is deployed is read from Helm's own record (a Secret): an unchanged release costs one request and no helm process.
"""

import base64
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local.changes import Change, differences
from local.live import ApiError, Cluster, Ref
from local.progress import Progress

PART_OF = "app.kubernetes.io/part-of"
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


def plan(cluster: Cluster, inputs: Mapping[str, Any]) -> ReleasePlan:
    """Compare chart, version and values with what Helm's record says is deployed."""
    if not inputs.get("name"):
        raise HelmError("the Release has no `name`; without an engine no state could remember a made-up one")
    if odd := {key for key, value in inputs.items() if value} - {*_SWITCHES, *_READ, *_HARMLESS}:
        raise HelmError(f"not supported without an engine: {', '.join(sorted(odd))}")
    record = _record(cluster, _namespace(cluster, inputs), inputs["name"])
    if record is None:
        return ReleasePlan("create", inputs, None)
    state = record["info"]["status"]
    values = tuple(differences(record.get("config") or {}, inputs.get("values") or {}, ("values",)))
    if state != "deployed":
        return ReleasePlan("update", inputs, record, values, f"the last helm run left it in state {state}")
    if note := _other_chart(record["chart"], inputs):
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
            run(cluster, [*arguments, "--values", values.name, "--labels", f"{PART_OF}={part_of}", *_flags(inputs)])
    record = _record(cluster, namespace, inputs["name"])
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


def uninstall(cluster: Cluster, namespace: str, name: str, timeout_seconds: float) -> None:
    """helm uninstall, waiting until what it made is gone. CRDs stay: Helm never deletes what lies in crds/."""
    flags = ["--wait", "--cascade", "foreground", "--ignore-not-found", "--timeout", f"{timeout_seconds:.0f}s"]
    run(cluster, ["uninstall", name, "--namespace", namespace, *flags])


def of_stack(cluster: Cluster, part_of: str) -> list[tuple[str, str]]:
    """(namespace, name) of every release with our label, in whatever state."""
    selector = f"owner=helm,{PART_OF}={part_of}"
    found = cluster.list("v1", "Secret", labelSelector=selector)
    return sorted({(item["metadata"]["namespace"], item["metadata"]["labels"]["name"]) for item in found})


def run(cluster: Cluster, arguments: list[str]) -> str:
    """Run helm against this cluster."""
    command = [tool("helm"), *arguments]
    if cluster.kubeconfig:
        command += ["--kubeconfig", cluster.kubeconfig]
    if cluster.context:
        command += ["--kube-context", cluster.context]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        words = [line for line in done.stderr.strip().splitlines() if not line.startswith("WARNING: Kubernetes config")]
        raise HelmError(
            f"`helm {' '.join(arguments[:2])}` ended with exit code {done.returncode}:\n" + "\n".join(words)
        )
    return done.stdout


def tool(name: str) -> str:
    """helm or kubectl: from PATH, else the one that belongs to the local Kubernetes."""
    if found := shutil.which(name):
        return found
    root = Path(__file__).resolve().parents[1]
    asked = [sys.executable, "-m", "local.kubernetes", "tools"]
    done = subprocess.run(asked, cwd=root, capture_output=True, text=True, check=False)
    directory = done.stdout.strip().splitlines()[-1:] if done.returncode == 0 else []
    path = Path(directory[0], name) if directory else None
    if path and os.access(path, os.X_OK):
        return str(path)
    raise HelmError(f"{name} is not on PATH and not built here; install it (https://helm.sh), or run `make cluster`")


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


def _record(cluster: Cluster, namespace: str, name: str) -> dict[str, Any] | None:
    """The newest revision in Helm's storage: base64 in base64 around gzipped JSON."""
    found = list(cluster.list("v1", "Secret", namespace, labelSelector=f"owner=helm,name={name}"))
    if not found:
        return None
    newest = max(found, key=lambda item: int(item["metadata"]["labels"]["version"]))
    record = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(newest["data"]["release"]))))
    return {**record, "secret": newest["metadata"]["name"], "labels": newest["metadata"]["labels"]}


def _other_chart(deployed: Mapping[str, Any], inputs: Mapping[str, Any]) -> str:
    """How the wanted chart differs from the deployed one; "" where it does not. An unpinned remote chart always may."""
    metadata, chart = deployed["metadata"], inputs["chart"]
    if not Path(chart).is_dir():
        name, wanted = chart.rstrip("/").rpartition("/")[2], inputs.get("version", "")
        if not wanted:
            return "the chart's version is not pinned"
        if name == metadata["name"] and wanted.removeprefix("v") == metadata["version"].removeprefix("v"):
            return ""
        return f"chart {metadata['name']} {metadata['version']} -> {name} {wanted}"
    ours = yaml.safe_load(Path(chart, "Chart.yaml").read_text(encoding="utf-8"))
    if (ours["name"], ours["version"]) != (metadata["name"], metadata["version"]):
        return f"chart {metadata['name']} {metadata['version']} -> {ours['name']} {ours['version']}"
    files = {path.relative_to(chart).as_posix(): path for path in Path(chart, "templates").rglob("*") if path.is_file()}
    templates = {item["name"]: base64.b64decode(item["data"]) for item in deployed.get("templates") or []}
    values = yaml.safe_load(Path(chart, "values.yaml").read_text(encoding="utf-8")) or {}
    same = templates == {name: path.read_bytes() for name, path in files.items()} and values == deployed.get("values")
    return "" if same else f"the content of chart {ours['name']} changed"


def _forget_interrupted(cluster: Cluster, namespace: str, record: Mapping[str, Any], progress: Progress) -> None:
    """A killed helm leaves a `pending-*` revision, and every later helm refuses to work beside it."""
    release, state = f"{namespace}/{record['name']}", record["info"]["status"]
    progress.say(f"  release {release}: dropping revision {record['version']}, an interrupted {state}")
    try:
        cluster.delete(Ref("v1", "Secret", namespace, record["secret"]))
    except ApiError as error:
        fix = f"try `helm rollback {record['name']} --namespace {namespace}`"
        raise HelmError(f"release {release} is {state} and its record cannot be dropped: {error}; {fix}") from error
