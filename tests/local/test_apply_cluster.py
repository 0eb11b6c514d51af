"""The cluster behind local.apply: silent servers, files that are no kubeconfigs, few rights, no helm."""

import stat

import httpx
import pytest

from local import helm
from local.kubernetes import build
from local.live import Cluster, UnreachableError
from local.refs import MANAGER


@pytest.fixture
def cluster(api):
    connected = Cluster()
    yield connected
    connected.close()


@pytest.mark.parametrize(
    ("error", "tries"), [(httpx.ConnectTimeout, 1), (httpx.ReadTimeout, 3), (httpx.ConnectError, 3)]
)
def test_a_silent_server_is_waited_for_once_and_a_restarting_one_three_times(cluster, monkeypatch, error, tries):
    calls = []

    async def request(*_, **__):
        calls.append(1)
        raise error("nobody there")

    monkeypatch.setattr(cluster._connected()._session, "request", request)
    monkeypatch.setattr("local.live.time.sleep", lambda _: None)

    with pytest.raises(UnreachableError, match=r"the Kubernetes API server http://127\.0\.0\.1:\d+ does not answer"):
        cluster.call("GET", "/api/v1")
    assert len(calls) == tries


@pytest.mark.parametrize("text", ["", "hello", "[]", "a: b", "{", "\udcff"])
def test_a_file_that_is_no_kubeconfig_is_called_so(tmp_path, monkeypatch, text):
    file = tmp_path / "notes"
    file.write_bytes(text.encode(errors="surrogateescape"))
    monkeypatch.setenv("KUBECONFIG", str(file))
    cluster = Cluster()

    with pytest.raises(UnreachableError, match=f"{file} is no kubeconfig$"):
        cluster.call("GET", "/api/v1")
    cluster.close()


def test_a_kubeconfig_that_is_not_there_is_called_so(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setattr("kr8s._auth.KubeAuth._load_service_account", no_service_account)
    cluster = Cluster()

    with pytest.raises(UnreachableError, match=r"none: No such file or directory$"):
        cluster.call("GET", "/api/v1")
    cluster.close()


async def no_service_account(_):
    """This machine is no pod."""


def secret_of_release(api, namespace):
    labels = {"owner": "helm", "name": "r", "app.kubernetes.io/part-of": "p-s"}
    metadata = {"name": "sh.helm.release.v1.r.v1", "namespace": namespace, "labels": labels}
    api.objects[f"/api/v1/namespaces/{namespace}/secrets/x"] = {"metadata": metadata}


def test_releases_are_found_in_the_stacks_namespaces_where_not_all_secrets_may_be_listed(cluster, api):
    secret_of_release(api, "mine")
    secret_of_release(api, "theirs")
    api.forbidden.add("/api/v1/secrets")

    assert helm.of_stack(cluster, "p-s", {"mine", "empty"}) == [("mine", "r")]
    api.forbidden.clear()
    assert helm.of_stack(cluster, "p-s") == [("mine", "r"), ("theirs", "r")]


def test_down_finds_the_stacks_objects_with_rights_in_its_namespaces_only(stack, api):
    metadata = {"name": "a", "namespace": "dask", "uid": "u", "labels": {"app.kubernetes.io/part-of": "small-test"}}
    api.objects["/api/v1/namespaces/dask/configmaps/a"] = {
        "metadata": metadata | {"managedFields": [{"manager": MANAGER}]}
    }
    api.forbidden |= {f"/api/v1/{plural}" for plural in ("namespaces", "configmaps", "secrets", "services")}
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    api.forbidden |= {
        f"{rbac}/clusterroles",
        f"{rbac}/clusterrolebindings",
        "/apis/kubernetes.dask.org/v1/daskclusters",
    }

    code, out, _ = stack("down")

    assert code == 0, out
    assert api.objects == {}


def test_a_helm_that_was_built_is_used_and_none_is_built_for_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    with pytest.raises(helm.HelmError, match=r"helm is not on PATH and not built here; install it .*`make cluster`"):
        helm.tool("helm")
    built = build.product_path() / "tools" / "helm"
    built.parent.mkdir(parents=True)
    built.touch(stat.S_IRWXU)

    assert helm.tool("helm") == str(built)
