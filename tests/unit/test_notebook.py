"""The notebook next to a cluster: its objects, and the mistakes in its settings."""

import json
from typing import Any

import pytest

from components.configuration import parse
from components.manifests.addresses import notebook_url
from components.manifests.declared import DeclaredCluster, clusters_of, workspace_of
from components.settings.formats import images
from components.settings.mistakes import ConfigError

ADDRESS = "tcp://lab.dask.svc:8786"


def declared(notebook: dict[str, Any] | None = None, *, level: str = "restricted", **cluster: Any) -> DeclaredCluster:
    raw = {
        "namespace": {"podSecurity": level},
        "secrets": {"own": {"token": "abc"}},
        "clusters": {"lab": cluster | {"notebook": notebook or {}}},
    }
    settings = parse(raw)
    return clusters_of(settings, workspace_of(settings, "dask-dev", {"own": "own-1a2b3c4d"}))["lab"]


def pod(made: DeclaredCluster) -> dict[str, Any]:
    return made.notebook["Deployment"]["spec"]["template"]["spec"]


def env(made: DeclaredCluster) -> dict[str, Any]:
    return {it["name"]: it.get("value", it.get("valueFrom")) for it in pod(made)["containers"][0]["env"]}


def test_a_cluster_without_one_has_no_objects_of_it() -> None:
    settings = parse({"clusters": {"lab": {}}})

    assert clusters_of(settings, workspace_of(settings, "dask-dev", {}))["lab"].notebook == {}


def test_its_client_finds_the_endpoint_and_its_token_is_in_a_secret() -> None:
    variables = env(declared())

    assert variables["DASK_SCHEDULER_ADDRESS"] == ADDRESS
    assert variables["JUPYTER_TOKEN"] == {"secretKeyRef": {"name": "lab-notebook", "key": "token"}}
    assert variables["HOME"] == "/home/jovyan"


def test_it_is_the_same_whatever_version_of_the_cluster_runs() -> None:
    before, after = declared(), declared(workers={"env": {"FLAVOUR": "two"}})

    assert before.physical_name != after.physical_name
    assert before.notebook == after.notebook


def test_it_has_what_the_cluster_has_and_what_it_sets_itself() -> None:
    made = declared(
        {"env": {"OWN": "1"}, "packages": {"pip": ["own"]}, "volumes": [{"name": "w", "pvc": "w", "mountPath": "/w"}]},
        env={"SHARED": "1"},
        volumes=[{"name": "data", "pvc": "data", "mountPath": "/data"}],
        nodeSelector={"pool": "dask"},
    )

    assert (env(made)["OWN"], env(made)["SHARED"], env(made)["EXTRA_PIP_PACKAGES"]) == ("1", "1", "own")
    assert [it["name"] for it in pod(made)["volumes"]] == ["data", "w", "dask-notebook"]
    assert pod(made)["nodeSelector"] == {"pool": "dask"}


def test_a_home_of_ones_own_is_kept() -> None:
    assert env(declared({"env": {"HOME": "/elsewhere"}}))["HOME"] == "/elsewhere"


def test_it_runs_as_upstreams_user_where_the_namespace_asks_for_one() -> None:
    context = pod(declared())["securityContext"]

    assert (context["runAsUser"], context["runAsGroup"], context["fsGroup"]) == (1000, 100, 100)
    assert "securityContext" not in pod(declared(level="privileged"))


def test_with_tls_it_has_a_clients_certificate() -> None:
    made = declared(tls={"enabled": True})

    assert env(made)["DASK_SCHEDULER_ADDRESS"] == "tls://lab.dask.svc:8786"
    assert env(made)["DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY"] == "/etc/dask-tls/client.key"
    [volume] = [it for it in pod(made)["volumes"] if it["name"] == "dask-tls"]
    assert [it["key"] for it in volume["secret"]["items"]] == ["ca.crt", "client.crt", "client.key"]


def test_its_extension_shows_the_dashboard_through_jupyterlab() -> None:
    made = declared(scheduler={"dashboardPort": 9787})

    settings = json.loads(made.notebook["ConfigMap"]["data"]["overrides.json"])["dask-labextension:plugin"]
    assert settings["defaultURL"] == "/proxy/lab.dask.svc:9787/"
    assert env(made)["DASK_DISTRIBUTED__DASHBOARD__LINK"] == "/proxy/lab.dask.svc:9787/status"
    assert '"lab.dask.svc"' in " ".join(pod(made)["containers"][0]["args"])


def test_without_a_dashboard_it_shows_none() -> None:
    made = declared(endpoint={"dashboard": False})

    assert "defaultURL" not in made.notebook["ConfigMap"]["data"]["overrides.json"]
    assert "DASK_DISTRIBUTED__DASHBOARD__LINK" not in env(made)


def test_a_token_of_ones_own_is_taken_from_its_secret() -> None:
    assert env(declared({"tokenSecret": "own"}))["JUPYTER_TOKEN"]["secretKeyRef"]["name"] == "own-1a2b3c4d"
    assert env(declared({"tokenSecret": "made"}))["JUPYTER_TOKEN"]["secretKeyRef"]["name"] == "made"


@pytest.mark.parametrize(
    ("image", "notebook"),
    [
        ("ghcr.io/dask/dask:2026.8.0-py3.11", "ghcr.io/dask/dask-notebook:2026.8.0-py3.11"),
        ("host:5000/team/dask:1", "host:5000/team/dask-notebook:1"),
        (f"ghcr.io/dask/dask:1@sha256:{'0' * 64}", "ghcr.io/dask/dask-notebook:1"),
        ("dask:1", "dask-notebook:1"),
        ("ghcr.io/dask/dask", None),
        ("host:5000/dask", None),
        ("example.com/mine:1", None),
    ],
)
def test_its_image_follows_from_upstreams_image_of_the_cluster(image: str, notebook: str | None) -> None:
    assert images.notebook(image) == notebook


@pytest.mark.parametrize(
    ("endpoint", "spec", "status", "url"),
    [
        ({}, {}, {}, "http://lab-notebook.dask.svc:8888/lab"),
        ({"type": "NodePort", "insecure": True}, {"ports": [{"name": "http-notebook", "node_port": 30999}]}, {}, 30999),
        ({"type": "NodePort", "insecure": True, "nodePort": 30888}, {}, {}, 30888),
        ({"type": "LoadBalancer", "insecure": True}, {}, {}, None),
        (
            {"type": "LoadBalancer", "insecure": True},
            {},
            {"load_balancer": {"ingress": [{"ip": "192.0.2.9"}]}},
            "http://192.0.2.9:8888/lab",
        ),
        ({"host": "lab.example.com"}, {}, {}, "http://lab.example.com:8888/lab"),
    ],
)
def test_its_address_is_that_of_its_service(endpoint: Any, spec: Any, status: Any, url: Any) -> None:
    made = declared({"endpoint": endpoint})
    assert made.settings.notebook

    found = notebook_url(made, made.settings.notebook, spec, status, ["10.0.0.1"])

    assert found == (f"http://10.0.0.1:{url}/lab" if isinstance(url, int) else url)


def test_its_resources_count_as_the_clusters_cost() -> None:
    made = declared({"resources": {"cpu": "2"}})

    assert [kind.name for kind in made.kinds_of_pods] == ["the scheduler", "the workers", "the notebook"]


def told(**cluster: Any) -> list[str]:
    with pytest.raises(ConfigError) as error:
        parse({"clusters": {"a": cluster}})
    return error.value.mistakes


def test_the_last_container_of_a_cluster_template_may_be_the_notebooks() -> None:
    template = {"containers": [{"name": "notebook", "tty": True}]}

    made = declared(podTemplate=template)

    assert pod(made)["containers"][0]["tty"] is True
    assert "tty" not in made.dask_cluster["spec"]["scheduler"]["spec"]["containers"][0]


def test_a_volume_of_the_program_is_nobodys() -> None:
    volume = {"name": "dask-notebook", "mountPath": "/etc/dask-notebook/x", "emptyDir": {}}

    assert told(notebook={"volumes": [volume]}) == [
        "dask:clusters.a.notebook.volumes[0].name: 'dask-notebook' is what the program calls the volume with the "
        "settings of a notebook; rename it",
        "dask:clusters.a.notebook.volumes[0].mountPath: '/etc/dask-notebook/x' is where the settings of a notebook are "
        "mounted; use another path",
    ]
