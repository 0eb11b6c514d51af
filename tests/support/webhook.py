"""A mutating admission webhook of the test's own, as a service mesh or a policy engine brings one."""

import base64
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.kubectl import Kubectl
from tests.unit.https import Authority, encoded

Body = dict[str, Any]
Patches = Callable[[Body], list[Body]]
SIDECAR = "mesh-proxy"
# It ends when it is told to, as a proxy does, and never by itself.
_FOREVER = "trap 'exit 0' TERM; sleep infinity & wait"


def with_sidecar(pod: Body) -> list[Body]:
    """What a mesh does to every pod, whatever the pod's labels say: a container that never ends, and a label."""
    first = pod["spec"]["containers"][0]
    proxy = {"name": SIDECAR, "image": first["image"], "command": ["sh", "-c", _FOREVER]}
    proxy["imagePullPolicy"] = "IfNotPresent"
    proxy["securityContext"] = first.get("securityContext", {})
    labels = pod["metadata"].get("labels", {}) | {"example.com/mesh": "joined"}
    return [
        {"op": "add", "path": "/spec/containers/0", "value": proxy},
        {"op": "add", "path": "/metadata/labels", "value": labels},
    ]


def with_a_variable(deployment: Body) -> list[Body]:
    """What a policy engine does to every Deployment, whenever it is written."""
    box, variable = deployment["spec"]["template"]["spec"]["containers"][0], {"name": "REGION", "value": "eu"}
    others = [it for it in box.get("env", []) if it["name"] != variable["name"]]
    path = "/spec/template/spec/containers/0/env"
    return [{"op": "add", "path": path, "value": [*others, variable]}]


@contextmanager
def mutating_deployments(kube: Kubectl, namespace: str, folder: Path, patches: Patches) -> Iterator[None]:
    """Has every new and every updated Deployment of a namespace changed by `patches`, until the block ends."""
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "operations": ["CREATE", "UPDATE"]}
    with _mutating(kube, namespace, folder, patches, rule):
        yield


@contextmanager
def mutating_pods(kube: Kubectl, namespace: str, folder: Path, patches: Patches) -> Iterator[None]:
    """Has every new pod of a namespace changed by `patches`, until the block ends."""
    rule = {"apiGroups": [""], "resources": ["pods"], "operations": ["CREATE"]}
    with _mutating(kube, namespace, folder, patches, rule):
        yield


@contextmanager
def _mutating(kube: Kubectl, namespace: str, folder: Path, patches: Patches, rule: Body) -> Iterator[None]:
    authority, host = Authority("webhook"), _seen_from_the_api_server(kube)
    pair = authority.issue("webhook", host)
    certificate = folder / "webhook.pem"
    certificate.write_text(pair.certificate + pair.key)
    server = ThreadingHTTPServer((host, 0), _handler(patches))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    name = f"{namespace}-{rule['resources'][0]}"
    (folder / "webhook.json").write_text(json.dumps(_configuration(name, namespace, server, authority, rule)))
    kube("apply", "-f", str(folder / "webhook.json"))
    try:
        yield
    finally:
        kube("delete", "mutatingwebhookconfiguration", name)
        server.shutdown()
        server.server_close()


def _seen_from_the_api_server(kube: Kubectl) -> str:
    """This machine's address on the network that it shares with the API server."""
    address = urlsplit(kube("config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.connect((address.hostname, address.port))  # sends nothing: it only looks for the route
        return asked.getsockname()[0]


def _configuration(name: str, namespace: str, server: ThreadingHTTPServer, authority: Authority, rule: Body) -> Body:
    address = f"https://{server.server_address[0]}:{server.server_address[1]}/"
    hook = {
        "name": f"{name}.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "timeoutSeconds": 30,
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "rules": [rule | {"apiVersions": ["v1"]}],
        "clientConfig": {"url": address, "caBundle": encoded(authority.certificate)},
    }
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration"}
    return kind | {"metadata": {"name": name}, "webhooks": [hook]}


def _handler(patches: Patches) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))["request"]
            patch = base64.b64encode(json.dumps(patches(request["object"])).encode()).decode()
            response = {"uid": request["uid"], "allowed": True, "patchType": "JSONPatch", "patch": patch}
            review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
            body = json.dumps(review).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    return Handler
