"""What a kubeconfig can say, case by case, and what the API server sees of it or why it is refused.

`tests/unit/test_kubeconfig.py` walks the cases with the program's client, `tests/live/test_kubeconfig.py` with kubectl.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.unit.https import encoded
from tests.unit.server import AUTHORITY, CA, CLIENT, LEAF, config

V1 = "client.authentication.k8s.io/v1"
PLUGIN = f"""#!{sys.executable}
import json, os, sys
status = json.loads(os.environ.get("STATUS", "null")) or {{"token": " ".join(sys.argv[1:]) or "t"}}
if os.environ.get("TELL"):
    status = {{"token": json.dumps(json.loads(os.environ["KUBERNETES_EXEC_INFO"]), sort_keys=True).encode().hex()}}
version = os.environ.get("VERSION", "{V1}")
print(json.dumps({{"apiVersion": version, "kind": "ExecCredential", "status": status}}))
"""


@dataclass(frozen=True)
class Place:
    """Where a case runs."""

    folder: Path
    """The kubeconfig's, with `plugin`, `ca.crt`, `client.crt`, `client.key` and `token` in it."""
    port: int
    """The API server's, on 127.0.0.1."""
    proxy: int
    """A proxy's, for CONNECT and SOCKS5, which takes every host for this machine."""
    secure: int
    """The same proxy behind TLS."""


@dataclass(frozen=True)
class Case:
    """One feature. Either `sees` or `refused` is set."""

    user: dict[str, Any] = field(default_factory=lambda: {"token": "t"})
    cluster: Callable[[Place], dict[str, Any]] = lambda _: {}
    """Beside `server` and `certificate-authority-data`; None leaves one out."""
    environment: Callable[[Place], dict[str, str]] = lambda _: {}
    sees: dict[str, str] | None = None
    """Headers of the request as it arrives; beside HTTP's own `x-certificate`, the subject that the client has shown,
    and `x-proxied`, whether it came through the proxy."""
    refused: str | None = None
    """A regular expression for the program's words; kubectl has others."""

    def write(self, place: Place) -> str:
        """The kubeconfig and the files around it; its path."""
        (place.folder / "plugin").write_text(PLUGIN)
        (place.folder / "plugin").chmod(0o755)
        files = {"ca.crt": AUTHORITY.certificate, "client.crt": CLIENT.certificate, "client.key": CLIENT.key}
        for name, text in (files | {"token": "from-the-file\n"}).items():
            (place.folder / name).write_text(text)
        reached = {"server": f"https://127.0.0.1:{place.port}", "certificate-authority-data": CA} | self.cluster(place)
        file = place.folder / "kubeconfig"
        file.write_text(json.dumps(config({key: it for key, it in reached.items() if it is not None}, self.user)))
        return str(file)


def plugin(command: str = "./plugin", **options: Any) -> dict[str, Any]:
    return {"exec": {"apiVersion": V1, "command": command, "interactiveMode": "Never"} | options}


def variable(name: str, value: Any) -> dict[str, str]:
    return {"name": name, "value": value if isinstance(value, str) else json.dumps(value)}


def information(place: dict[str, Any]) -> str:
    """The token that a plugin makes of what it is told."""
    told = {"apiVersion": V1, "kind": "ExecCredential", "spec": {"interactive": False} | place}
    return json.dumps(told, sort_keys=True).encode().hex()


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


CERTIFICATE, KEY = CLIENT.encoded
PAIR = {"clientCertificateData": CLIENT.certificate, "clientKeyData": CLIENT.key}
JANE = {"x-certificate": "jane"}
PROXIED = bearer("t") | {"x-proxied": "yes"}
# The proxy leads there, whatever the port.
SERVER = "https://kubernetes.internal:6443"
_EXTENSIONS = [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "lab"}}]

USERS = {
    "a token": Case(sees=bearer("t")),
    "a token file, relative to the kubeconfig": Case({"tokenFile": "token"}, sees=bearer("from-the-file")),
    "a token file counts before a token": Case({"token": "t", "tokenFile": "token"}, sees=bearer("from-the-file")),
    "a token counts where its file is missing": Case({"token": "t", "tokenFile": "none"}, sees=bearer("t")),
    "a certificate": Case({"client-certificate-data": CERTIFICATE, "client-key-data": KEY}, sees=JANE),
    "certificate files, relative": Case({"client-certificate": "client.crt", "client-key": "client.key"}, sees=JANE),
    "a certificate file and a key": Case({"client-certificate": "client.crt", "client-key-data": KEY}, sees=JANE),
    "a user name": Case({"username": "jane", "password": "p:w"}, sees={"authorization": "Basic amFuZTpwOnc="}),
    "nobody": Case({}, sees={"authorization": ""}),
    "as another": Case(
        {
            "token": "t",
            "as": "bob",
            "as-uid": "7",
            "as-groups": ["a", "b"],
            "as-user-extra": {"Example.org/x y": ["1"]},
        },
        sees=bearer("t")
        | {"impersonate-user": "bob", "impersonate-uid": "7", "impersonate-group": "a, b"}
        | {"impersonate-extra-example.org%2fx%20y": "1"},
    ),
    "a plugin, relative": Case(plugin(args=["hello"]), sees=bearer("hello")),
    "a plugin on PATH": Case(
        plugin("plugin"), environment=lambda place: {"PATH": f"{place.folder}:/usr/bin:/bin"}, sees=bearer("t")
    ),
    "a plugin of v1beta1": Case(
        plugin(apiVersion=f"{V1}beta1", interactiveMode=None, env=[variable("VERSION", f"{V1}beta1")]), sees=bearer("t")
    ),
    "a plugin's environment": Case(plugin(env=[variable("STATUS", {"token": "e"})]), sees=bearer("e")),
    "a plugin's certificate": Case(plugin(env=[variable("STATUS", PAIR)]), sees=JANE),
    "a plugin is told that it has no terminal": Case(plugin(env=[variable("TELL", "1")]), sees=bearer(information({}))),
    "a plugin is not asked where there is a token": Case({"token": "t"} | plugin("./none"), sees=bearer("t")),
}

CLUSTERS = {
    "a CA file, relative": Case(
        cluster=lambda _: {"certificate-authority-data": None, "certificate-authority": "ca.crt"}, sees=bearer("t")
    ),
    "the server's own certificate as its CA": Case(
        cluster=lambda _: {"certificate-authority-data": encoded(LEAF.certificate)}, sees=bearer("t")
    ),
    "an empty CA, and the system's store": Case(
        cluster=lambda _: {"certificate-authority-data": ""},
        environment=lambda place: {"SSL_CERT_FILE": str(place.folder / "ca.crt")},
        sees=bearer("t"),
    ),
    "no CA, and the system's store": Case(
        cluster=lambda _: {"certificate-authority-data": None},
        environment=lambda place: {"SSL_CERT_FILE": str(place.folder / "ca.crt")},
        sees=bearer("t"),
    ),
    "not verified": Case(
        cluster=lambda _: {"certificate-authority-data": None, "insecure-skip-tls-verify": True}, sees=bearer("t")
    ),
    "the certificate is for another name": Case(
        cluster=lambda place: {"server": f"https://localhost:{place.port}", "tls-server-name": "kubernetes.internal"},
        sees=bearer("t"),
    ),
    "below a path": Case(
        cluster=lambda place: {"server": f"https://127.0.0.1:{place.port}/k8s/clusters/c-1/"},
        sees=bearer("t") | {"x-path": "/k8s/clusters/c-1/version"},
    ),
    "no compression": Case(cluster=lambda _: {"disable-compression": True}, sees=bearer("t")),
    "a plugin is told of the cluster": Case(
        plugin(provideClusterInfo=True, env=[variable("TELL", "1")]),
        cluster=lambda _: {"tls-server-name": "kubernetes.internal", "server": SERVER, "extensions": _EXTENSIONS},
        environment=lambda place: {"HTTPS_PROXY": f"http://127.0.0.1:{place.proxy}"},
        sees=bearer(
            information(
                {
                    "cluster": {
                        "server": SERVER,
                        "tls-server-name": "kubernetes.internal",
                        "certificate-authority-data": CA,
                        "config": {"audience": "lab"},
                    }
                }
            )
        ),
    ),
}

PROXIES = {
    "an HTTP proxy": Case(cluster=lambda place: {"proxy-url": f"http://127.0.0.1:{place.proxy}"}, sees=PROXIED),
    "an HTTP proxy with a login": Case(
        cluster=lambda place: {"proxy-url": f"http://me:p%40ss@127.0.0.1:{place.proxy}"},
        sees=PROXIED | {"x-login": "me:p@ss"},
    ),
    "an HTTPS proxy": Case(cluster=lambda place: {"proxy-url": f"https://127.0.0.1:{place.secure}"}, sees=PROXIED),
    "a SOCKS proxy": Case(cluster=lambda place: {"proxy-url": f"socks5://127.0.0.1:{place.proxy}"}, sees=PROXIED),
    "a SOCKS proxy with a login, which resolves names": Case(
        cluster=lambda place: {
            "proxy-url": f"socks5://me:p%40ss@127.0.0.1:{place.proxy}",
            "server": f"https://kubernetes.internal:{place.port}",
        },
        sees=PROXIED | {"x-login": "me:p@ss"},
    ),
    "a proxy, and the certificate is for another name": Case(
        cluster=lambda place: {
            "proxy-url": f"http://127.0.0.1:{place.proxy}",
            "server": f"https://elsewhere.internal:{place.port}",
            "tls-server-name": "kubernetes.internal",
        },
        sees=PROXIED,
    ),
    "the environment's proxy, and networks in NO_PROXY": Case(
        cluster=lambda place: {"server": f"https://kubernetes.internal:{place.port}"},
        environment=lambda place: {
            "HTTPS_PROXY": f"127.0.0.1:{place.proxy}",
            "NO_PROXY": "10.0.0.0/8,fd00::/8,::1,localhost,.example.org",
        },
        sees=PROXIED,
    ),
    "the environment's SOCKS proxy": Case(
        cluster=lambda place: {"server": f"https://kubernetes.internal:{place.port}"},
        environment=lambda place: {"https_proxy": f"socks5://127.0.0.1:{place.proxy}"},
        sees=PROXIED,
    ),
    "the environment's proxy is not for this machine": Case(
        environment=lambda _: {"HTTPS_PROXY": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"},
        sees=bearer("t") | {"x-proxied": "no"},
    ),
}

_BOTH = {"certificate-authority": "ca.crt"}
REFUSED = {
    "two CAs": Case(cluster=lambda _: _BOTH, refused="are both set"),
    "a CA that is not checked": Case(cluster=lambda _: {"insecure-skip-tls-verify": True}, refused="are both set"),
    "a CA file that is missing": Case(
        cluster=lambda _: {"certificate-authority-data": None, "certificate-authority": "none"},
        refused=r"certificate-authority: \S+/none cannot be read",
    ),
    "a CA that is none": Case(
        cluster=lambda _: {"certificate-authority-data": encoded("x")}, refused="holds no certificate"
    ),
    "a CA that is not encoded": Case(
        cluster=lambda _: {"certificate-authority-data": AUTHORITY.certificate},
        refused="cluster.certificate-authority-data",
    ),
    "no server": Case(cluster=lambda _: {"server": None}, refused="has no server"),
    "another CA": Case(
        cluster=lambda _: {"certificate-authority-data": encoded(CLIENT.certificate)}, refused="CERTIFICATE_VERIFY"
    ),
    "another name": Case(
        cluster=lambda place: {"server": f"https://localhost:{place.port}"}, refused="CERTIFICATE_VERIFY"
    ),
    "an unknown kind of proxy": Case(cluster=lambda _: {"proxy-url": "socks4://127.0.0.1:1"}, refused="none of http"),
    "a token and a user name": Case({"token": "t", "username": "u", "password": "p"}, refused="are both set"),
    "a certificate without a key": Case({"client-certificate": "client.crt"}, refused="has no client-key"),
    "a key file that is missing": Case(
        {"client-certificate": "client.crt", "client-key": "none"}, refused=r"client-key: \S+/none cannot be read"
    ),
    "a key of another certificate": Case(
        {"client-certificate-data": CERTIFICATE, "client-key-data": LEAF.encoded[1]}, refused="do not belong together"
    ),
    "a token file that is missing": Case({"tokenFile": "none"}, refused=r"tokenFile: \S+/none cannot be read"),
    "as a group of nobody": Case({"token": "t", "as-groups": ["a"]}, refused="without `as`"),
    "an old plugin": Case({"auth-provider": {"name": "gcp"}}, refused="no longer has 'gcp'"),
    "a plugin of v1alpha1": Case(plugin(apiVersion=f"{V1}alpha1"), refused="apiVersion '.*alpha1' is none of"),
    "a plugin without interactiveMode": Case(plugin(interactiveMode=None), refused="interactiveMode is missing"),
    "a plugin that needs a terminal": Case(plugin(interactiveMode="Always"), refused="needs a terminal"),
    "a plugin that is missing": Case(plugin("./none", installHint="Get\nit."), refused=r"none is not found; Get it\."),
    "a plugin that fails": Case(plugin("/bin/false"), refused="/bin/false failed with exit code 1"),
    "a plugin that prints nothing": Case(plugin("/bin/true"), refused="has printed no ExecCredential"),
    "a plugin of another version": Case(
        plugin(env=[variable("VERSION", f"{V1}beta1")]), refused="answers in .*v1beta1, the kubeconfig says"
    ),
    "a plugin without credentials": Case(plugin(env=[variable("STATUS", {"x": "1"})]), refused="neither a token nor"),
    "a plugin's certificate alone": Case(
        plugin(env=[variable("STATUS", {"clientCertificateData": CLIENT.certificate})]), refused="not both"
    ),
}
CASES = USERS | CLUSTERS | PROXIES | REFUSED
# kubectl asks its terminal for a user name, and `get --raw` replaces the server's path.
NOT_KUBECTL = {"nobody", "below a path"}
