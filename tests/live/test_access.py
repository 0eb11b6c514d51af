"""The two accounts of examples/access: a deployer whose `up` works in one namespace, a previewer who writes nothing."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.live.conftest import NewStack
from tests.support.clusters import ROOT
from tests.support.kubectl import Kubectl
from tests.support.owner import Owner
from tests.support.security import security
from tests.support.stacks import Stack, good
from tests.support.wait import wait_until
from tests.support.work import client, where

ACCESS = ROOT / "examples/access"
NAMESPACE, CI = "team", "dask-ci"
TASKS = 20
OBJECTS = "daskclusters,daskworkergroups,services,jobs,configmaps,secrets,roles"
UNREADABLE = {"hostAliases": [{"ip": "nowhere", "hostnames": ["lake"]}]}


def settings(**over: Any) -> dict[str, Any]:
    """A stack with as many kinds of objects as one node has room for."""
    size = {"threads": 1, "resources": {"cpu": "100m", "memory": "512Mi"}}
    cluster = {
        "tls": {"enabled": True},
        "endpoint": {"type": "NodePort"},
        "envFrom": [{"secret": "lake"}],
        "workers": size | {"minimum": 1, "maximum": 2},
        "workerGroups": {"extra": size | {"replicas": 1}},
    }
    job = {"runner": {"script": "print('it ran')"}, "workers": {"replicas": 1, "threads": 1}, "timeout": "4m"}
    return {
        "namespace": {"name": NAMESPACE, "create": False, "networkPolicies": True},
        "operator": {"install": False, "namespace": "dask-operator"},
        "secrets": {"lake": {"KEY": "value"}},
        "clusters": {"main": cluster | over},
        "jobs": {"once": job},
    }


@pytest.fixture(scope="module")
def accounts(owner: Owner, kube: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """A kubeconfig with a token of an hour for each account, in a namespace that an administrator has created.

    It has a quota and the defaults of containers, as the documentation shows them.
    """
    owner.up()
    folder = tmp_path_factory.mktemp("access")
    kube("create", "namespace", CI)
    manifests = []
    for file in ("namespace.yaml", "previewer.yaml", "deployer.yaml", "cluster.yaml"):
        manifests.append(folder / file)
        manifests[-1].write_text((ACCESS / file).read_text().replace("analytics", NAMESPACE))
        kube("apply", "-f", str(manifests[-1]))
    yield {name: _kubeconfig(kube, name, folder) for name in ("dask-deployer", "dask-previewer")}
    for manifest in reversed(manifests):
        kube("delete", "-f", str(manifest), "--ignore-not-found")
    kube("delete", "namespace", CI)


def _kubeconfig(kube: Kubectl, account: str, folder: Path) -> Path:
    """What a workflow writes: the cluster's address and a token that ends soon."""
    token = kube("create", "token", account, "-n", CI, "--duration", "1h").strip()
    content = yaml.safe_load(kube("config", "view", "--raw", "--minify"))
    content["users"][0]["user"] = {"token": token}
    made = folder / f"{account}.kubeconfig"
    made.write_text(yaml.safe_dump(content))
    return made


@pytest.fixture(scope="module")
def stack(accounts: dict[str, Path], new_stack: NewStack, kube: Kubectl) -> Iterator[Stack]:
    """The team's stack. Each account writes its kubeconfig to the same path, as the workflow's jobs do.

    The path is an input of the provider, so another one would be a change.
    """
    made = new_stack("team").configure(**settings())
    made.environment = made.environment | {"KUBECONFIG": str(made.folder / "kubeconfig")}
    yield made
    as_account(made, kube.kubeconfig)
    made.end()


def as_account(stack: Stack, kubeconfig: Path) -> None:
    shutil.copy(kubeconfig, stack.environment["KUBECONFIG"])


def versions(kube: Kubectl) -> dict[str, str]:
    """The stack's objects by identity, but for Deployments: an autoscaler may add or remove a worker meanwhile."""
    found = kube.get(OBJECTS, "-n", NAMESPACE, "-l", "app.kubernetes.io/part-of=dask-team")
    return {f"{it['kind']} {it['metadata']['name']}": it["metadata"]["uid"] for it in found}


def test_a_deployer_brings_the_stack_up_and_changes_it_under_load(
    stack: Stack, accounts: dict[str, Path], tmp_path: Path
) -> None:
    as_account(stack, accounts["dask-deployer"])
    said, done = stack.preview(), stack.up()

    assert done.changes == said.changes
    assert "it ran" in done.text
    assert "forbidden" not in said.text + done.text, said.text + done.text
    address, tls = stack.address(), security(stack.outputs()["clientTls"]["main"], tmp_path)
    stack.configure(**settings(env={"OMP_NUM_THREADS": "1"}))
    with client(address, security=tls) as connected:
        futures = connected.map(where, range(TASKS), pure=False)
        up = stack.start_up()
        wait_until(lambda: up.says(": waiting for 1 client"), 240, "the replaced cluster is being drained")
        results: Any = connected.gather(futures)
    run = good(up.wait())

    assert [i for i, _ in results] == list(range(TASKS))
    assert [op for op, _, _ in run.of("DaskCluster")] == ["create", "delete"]
    assert "forbidden" not in run.text, run.text
    stack.unchanged()


def test_a_previewer_sees_what_the_deployer_would_do(stack: Stack, accounts: dict[str, Path], kube: Kubectl) -> None:
    as_account(stack, accounts["dask-deployer"])
    expected = stack.configure(**settings(env={"OMP_NUM_THREADS": "2"})).preview()
    before = versions(kube)

    as_account(stack, accounts["dask-previewer"])
    run = stack.preview()

    assert run.changes == expected.changes
    assert "forbidden" not in run.text, run.text
    assert versions(kube) == before


def test_a_previewers_dry_runs_name_what_the_api_server_refuses(stack: Stack, accounts: dict[str, Path]) -> None:
    as_account(stack, accounts["dask-previewer"])

    run = stack.configure(**settings(podTemplate=UNREADABLE)).run("preview")

    assert run.code != 0
    assert "dask:clusters.main.podTemplate.hostAliases[0].ip" in run.text, run.text


def test_a_previewer_that_may_not_even_ask_sees_the_same_and_says_so(
    stack: Stack, accounts: dict[str, Path], kube: Kubectl
) -> None:
    as_account(stack, accounts["dask-previewer"])
    expected = stack.configure(**settings(env={"OMP_NUM_THREADS": "2"})).preview()
    binding = ("rolebinding", "dask-previewer-dry-runs", "-n", NAMESPACE)
    may = ("auth", "can-i", "create", "deployments", "-n", NAMESPACE)
    alone = Kubectl(accounts["dask-previewer"])

    kube("delete", *binding)
    wait_until(lambda: alone.run(*may).stdout.strip() == "no", 60, "the previewer has lost its permission")
    run = stack.preview()

    kube("apply", "-f", str(accounts["dask-previewer"].parent / "previewer.yaml"))
    wait_until(lambda: alone.run(*may).stdout.strip() == "yes", 60, "the previewer has its permission again")
    assert run.changes == expected.changes
    assert "could not be asked about everything beforehand" in run.text, run.text


def test_an_up_of_the_previewer_is_refused_and_changes_nothing(
    stack: Stack, accounts: dict[str, Path], kube: Kubectl
) -> None:
    refused = "a previewer changes nothing"
    alone = Kubectl(accounts["dask-previewer"])
    # The API server compiles a new policy within seconds.
    wait_until(lambda: refused in alone.run("create", "configmap", "x", "-n", NAMESPACE).stderr, 60, "the policy")
    before = versions(kube)
    as_account(stack, accounts["dask-previewer"])

    run = stack.failing_up(**settings(env={"OMP_NUM_THREADS": "3"}))
    deleted = alone.run("delete", "deployments", "--all", "-n", NAMESPACE)

    assert refused in run.text, run.text
    assert refused in deleted.stderr
    assert "deleted" not in deleted.stdout
    assert versions(kube) == before


def test_neither_account_reaches_beyond_the_namespace(accounts: dict[str, Path]) -> None:
    def may(account: str, *question: str) -> str:
        return Kubectl(accounts[account]).run("auth", "can-i", *question).stdout.strip()

    for account in accounts:
        assert may(account, "get", "secrets", "-n", "dask-operator") == "no"
        assert may(account, "create", "pods", "-n", "default") == "no"
        assert may(account, "create", "namespaces") == "no"
    assert may("dask-previewer", "delete", "daskclusters.kubernetes.dask.org", "-n", NAMESPACE) == "no"
    assert may("dask-previewer", "create", "pods", "--subresource", "exec", "-n", NAMESPACE) == "no"
