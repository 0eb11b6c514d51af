"""A kubeconfig means to the program what it means to kubectl: each feature, against a server of the tests' own."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.kube import client as kube
from components.kube import kubeconfig, session
from components.kube.client import Connection
from components.kube.errors import ClusterError, KubeconfigError, MissingKubeconfigError
from components.kube.kubeconfig import load, provider_argument
from tests.support.clock import FakeClock
from tests.support.kubeconfigs import CASES, Case
from tests.unit.seeing import seen
from tests.unit.server import CA, Answer, Server, config

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's environment, and no patience."""
    for name in ("KUBECONFIG", "SSL_CERT_FILE", "SSL_CERT_DIR", "KUBERNETES_SERVICE_HOST", *PROXY_VARIABLES):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr(session, "CONNECT_SECONDS", -1)


async def ask(connection: Connection) -> None:
    try:
        await kube.get(await kube.api(connection), "version")
    finally:
        await session.close()


@pytest.mark.parametrize("name", CASES)
def test_every_feature_is_as_in_kubectl(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case: Case = CASES[name]

    async def by_environment(file: str, environment: dict[str, str]) -> None:
        for key, value in (environment | {"KUBECONFIG": file}).items():
            monkeypatch.setenv(key, value)
        if case.refused is None:
            await ask(Connection())
            return
        with pytest.raises(ClusterError) as refusal:
            await ask(Connection())
        assert re.search(case.refused, str(refusal.value))
        assert "\n" not in str(refusal.value)

    headers = seen(case, tmp_path, by_environment)

    assert {key: headers.get(key, "") for key in case.sees or {}} == (case.sees or {})
    assert bool(headers) == (case.refused is None)


def written(folder: Path, name: str, **parts: Any) -> str:
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(parts))
    return str(file)


def entry(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    return {f"{kind}s": [{"name": name, kind: fields}]}


def test_files_are_merged_and_the_first_one_wins(tmp_path: Path) -> None:
    """As in client-go's loader.go: entries as a whole, paths relative to their own file; missing files are none."""
    one = written(tmp_path, "a/one", **entry("user", "u", tokenFile="t"), **{"current-context": "c"})
    two = written(
        tmp_path,
        "b/two",
        **entry("user", "u", username="ignored", password="p"),
        **entry("cluster", "k", server="https://first", **{"certificate-authority": "ca"}),
        **entry("context", "c", cluster="k", user="u"),
        **{"current-context": "ignored"},
    )
    three = written(tmp_path, "three", **entry("cluster", "k", server="https://second"))
    for name in ("a/t", "b/ca"):
        (tmp_path / name).write_text("x")

    found = load(Connection(), {"KUBECONFIG": f"{tmp_path}/none:{one}::{two}:{three}:{one}"})

    assert found.server == "https://first"
    assert found.cluster.certificate_authority == str(tmp_path / "b" / "ca")
    assert (found.user.token_file, found.user.username) == (str(tmp_path / "a" / "t"), "")


LAB = config({"server": "https://lab"}, {"token": "t"})


def test_contents_are_taken_as_a_file_is() -> None:
    assert load(Connection(kubeconfig=json.dumps(LAB)), {}).user.token == "t"
    assert load(Connection(kubeconfig=yaml.safe_dump(LAB)), {}).server == "https://lab"


def test_no_credentials_are_sent_in_the_clear() -> None:
    """A server without a scheme is one of HTTP, whatever else the kubeconfig says of it (client_config.go)."""
    user = {"token": "t", "username": "", "as": "bob"}
    for server in ("http://lab", "lab:8080"):
        found = load(Connection(kubeconfig=json.dumps(config({"server": server}, user))), {})

        assert found.server == f"http://{server.removeprefix('http://')}"
        assert (found.user.token, found.user.as_) == ("", "bob")


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ("{", "it is not YAML"),
        ("- a\n", "valid dictionary"),
        (json.dumps(LAB | {"users": [{"name": "u", "user": {"token": 7}}]}), "users.0.user.token: .*valid string"),
        (json.dumps(LAB | {"users": LAB["users"] * 2}), "users: two of them have the same name"),
        (json.dumps(LAB | {"current-context": "x"}), "no context 'x'; set `kubernetes:context` to one of: c"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_without_its_values(contents: str, words: str) -> None:
    with pytest.raises(ClusterError, match=words) as told:
        load(Connection(kubeconfig=contents + "\n"), {})

    assert "\n" not in str(told.value)


@pytest.mark.parametrize("left_out", ["current-context", "clusters"])
def test_where_nothing_says_which_cluster_the_service_account_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left_out: str
) -> None:
    file = written(tmp_path, "kubeconfig", **{key: value for key, value in LAB.items() if key != left_out})
    environment = {"KUBECONFIG": file, "KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    monkeypatch.setattr(kubeconfig, "SERVICE_ACCOUNT", tmp_path)
    for name in ("token", "ca.crt"):
        (tmp_path / name).write_text("x")

    found = load(Connection(), environment)

    assert (found.server, found.user.token_file) == ("https://[fd00::1]:443", str(tmp_path / "token"))
    assert found.cluster.ca() == b"x"
    with pytest.raises(MissingKubeconfigError, match="does not say which Kubernetes cluster it is"):
        load(Connection(), {"KUBECONFIG": file})


def test_a_rotated_token_file_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens: list[str] = []
    clock = FakeClock().install(monkeypatch)

    def answer(_: str, path: str, headers: dict[str, str]) -> Answer:
        tokens.append(headers["authorization"].removeprefix("Bearer "))
        return (401 if tokens[-1] == "3" and path == "/refused" else 200), {}, {}

    async def main() -> None:
        async with Server(answer).running() as server:
            file = tmp_path / "token"
            file.write_text("1\n")
            connection = Connection(kubeconfig=server.kubeconfig(tmp_path, {"tokenFile": str(file)}))
            client = await kube.api(connection)
            file.write_text("2\n")
            await kube.get(client, "a")
            clock.time = 60
            await kube.get(client, "b")
            file.unlink()
            clock.time = 120
            await kube.get(client, "c")
            file.write_text("3\n")
            await kube.get(client, "d")
            file.write_text("4\n")
            await kube.get(client, "refused")
            await session.close()

    asyncio.run(main())

    assert tokens == ["1", "1", "2", "2", "3", "3", "4"]


def test_the_provider_reads_kubeconfig_itself_and_copies_no_key(tmp_path: Path) -> None:
    """Given a path it writes a copy of the file into the folder for temporary files, and leaves it there; an empty one
    leaves it to KUBECONFIG (provider.go, Configure)."""
    files = {
        "token": written(tmp_path, "token", **LAB),
        "relative": written(tmp_path, "relative", **config({"server": "https://lab"}, {"tokenFile": "t"})),
        "plugin": written(tmp_path, "plugin", **config({"server": "https://lab"}, {"exec": {"command": "it"}})),
        "plain": written(tmp_path, "plain", **config({"server": "http://lab"}, {})),
        "missing": str(tmp_path / "none"),
    }
    (tmp_path / "t").write_text("token")

    for listed in (*files.values(), f"{files['token']}:{files['relative']}"):
        assert provider_argument(Connection(), {"KUBECONFIG": listed}) == "", listed

    assert provider_argument(Connection(), {}) is None
    assert provider_argument(Connection(kubeconfig=files["token"]), {"KUBECONFIG": files["relative"]}) == files["token"]


def test_a_provider_without_credentials_asks_for_none(tmp_path: Path) -> None:
    """Reading KUBECONFIG itself it would ask its terminal for a password, and it has none (clientcmd, ClientConfig)."""
    anonymous = written(tmp_path, "anonymous", **config({"server": "https://lab"}, {}))

    assert provider_argument(Connection(), {"KUBECONFIG": anonymous}) is None


def test_the_providers_paths_begin_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    relative = written(tmp_path, "relative", **config({"server": "https://lab", "certificate-authority": "ca"}, {}))
    (tmp_path / "ca").write_text("x")

    with pytest.raises(KubeconfigError, match=r"relative paths \(ca\), which the Pulumi provider looks for in"):
        load(Connection(kubeconfig=relative), {})
    monkeypatch.chdir(tmp_path)
    assert load(Connection(kubeconfig=relative), {}).cluster.ca() == b"x"


def test_an_expired_token_of_kubectl_is_not_sent() -> None:
    user = {"auth-provider": {"name": "oidc", "config": {"id-token": "e30.eyJleHAiOiAxfQ.x"}}}
    connection = Connection(kubeconfig=json.dumps(config({"server": "https://lab"}, user)))

    with pytest.raises(ClusterError, match="its id-token has expired; `kubectl version` renews it"):
        asyncio.run(ask(connection))


def test_the_ca_is_not_shown() -> None:
    assert CA not in repr(load(Connection(kubeconfig=json.dumps(LAB)), {}))
    assert "'t'" not in repr(load(Connection(kubeconfig=json.dumps(LAB)), {}))
