"""How requests travel: TLS as Go does it, and connections by way of a proxy.

httpx's own proxies check the server's certificate for its address, whatever `tls-server-name` says, and need one more
package for SOCKS. Here a proxy is only another way to open a connection; all that follows is the same.
"""

import base64
import ipaddress
import os
import ssl
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote

import httpcore
import httpx

from ..hosts import host_port
from ..kube.credentials import Credentials
from ..kube.errors import KubeconfigError
from ..kube.kubeconfig_file import Cluster
from ..kube.private_files import PrivateFiles
from ..kube.proxies import PORTS

CONNECTIONS = 100
# As long an idle connection is kept for the next request. Some load balancers forget them after a minute.
IDLE_SECONDS = 30
# Where the certificates of the system are, as Go looks for them (crypto/x509/root_linux.go).
_SYSTEM_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class Transport(httpx.AsyncHTTPTransport):
    """httpx's transport over a `Dialer`. `server_name` is what servers' certificates are for, where it is set."""

    def __init__(self, context: ssl.SSLContext, server_name: str, proxy: SplitResult | None) -> None:
        super().__init__(verify=context, trust_env=False)
        self._server_name = server_name
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=CONNECTIONS,
            max_keepalive_connections=CONNECTIONS,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=Dialer(proxy, context, server_name),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._server_name:
            request.extensions = {**request.extensions, "sni_hostname": self._server_name}
        return await super().handle_async_request(request)


class Dialer(httpcore.AsyncNetworkBackend):
    """Opens connections, by way of the proxy if there is one. An HTTPS proxy is checked as the server is, as in Go."""

    def __init__(self, proxy: SplitResult | None, context: ssl.SSLContext, server_name: str) -> None:
        self._proxy, self._context, self._server_name = proxy, context, server_name
        self._direct: Any = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        proxy = self._proxy
        if proxy is None:
            return await self._direct.connect_tcp(host, port, timeout, local_address, socket_options)
        gate = proxy.port or PORTS[proxy.scheme]
        stream = await self._direct.connect_tcp(proxy.hostname or "", gate, timeout, local_address, socket_options)
        try:
            if proxy.scheme == "https":
                stream = await stream.start_tls(self._context, self._server_name or proxy.hostname, timeout)
            await (_socks if proxy.scheme.startswith("socks5") else _connect)(stream, host, port, proxy, timeout)
        except BaseException:
            await stream.aclose()
            raise
        return stream


async def _connect(
    stream: httpcore.AsyncNetworkStream, host: str, port: int, proxy: SplitResult, timeout: float | None
) -> None:
    """RFC 9110, 9.3.6."""
    goal = host_port(host, port)
    lines = [f"CONNECT {goal} HTTP/1.1", f"Host: {goal}"]
    if proxy.username is not None:
        login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(login.encode()).decode()}")
    await stream.write("\r\n".join([*lines, "", ""]).encode(), timeout)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += await _some(stream, 4096, timeout)
    status = answer.partition(b"\r\n")[0].decode(errors="replace")
    if status.split(" ")[1:2] != ["200"]:
        raise httpcore.ProxyError(f"the proxy {proxy.hostname} answers '{status}' to CONNECT {goal}")


async def _socks(
    stream: httpcore.AsyncNetworkStream, host: str, port: int, proxy: SplitResult, timeout: float | None
) -> None:
    """RFC 1928 and 1929: the proxy resolves the server's name."""
    user, password = unquote(proxy.username or "").encode(), unquote(proxy.password or "").encode()
    await stream.write(b"\x05\x02\x00\x02" if user else b"\x05\x01\x00", timeout)
    _, method = await _exactly(stream, 2, timeout)
    if method == 2:
        login = b"\x01" + bytes([len(user)]) + user + bytes([len(password)]) + password
        await stream.write(login, timeout)
        if (await _exactly(stream, 2, timeout))[1]:
            raise httpcore.ProxyError(f"the proxy {proxy.hostname} refuses the user name or the password")
    elif method:
        raise httpcore.ProxyError(f"the proxy {proxy.hostname} requires a login other than a user name and a password")
    try:
        address = ipaddress.ip_address(host)
        goal = (b"\x01" if address.version == 4 else b"\x04") + address.packed
    except ValueError:
        goal = b"\x03" + bytes([len(host)]) + host.encode("idna")
    await stream.write(b"\x05\x01\x00" + goal + struct.pack("!H", port), timeout)
    _, refused, _, kind = await _exactly(stream, 4, timeout)
    if refused:
        raise httpcore.ProxyError(
            f"the proxy {proxy.hostname} cannot reach {host_port(host, port)} (SOCKS reply {refused})"
        )
    length = {1: 4, 4: 16}.get(kind) or (await _exactly(stream, 1, timeout))[0]
    await _exactly(stream, length + 2, timeout)


async def _exactly(stream: httpcore.AsyncNetworkStream, count: int, timeout: float | None) -> bytes:
    read = b""
    while len(read) < count:
        read += await _some(stream, count - len(read), timeout)
    return read


async def _some(stream: httpcore.AsyncNetworkStream, most: int, timeout: float | None) -> bytes:
    read = await stream.read(most, timeout)
    if not read:
        raise httpcore.ProxyError("the proxy has closed the connection")
    return read


def tls(cluster: Cluster, credentials: Credentials, files: PrivateFiles) -> ssl.SSLContext:
    """How servers are checked and what they are shown. `files` hold the key for a moment: Python reads only files.

    Raises `KubeconfigError` for certificates and keys that are none.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Go trusts every certificate of a CA bundle, be it an intermediate one or the server's own.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.hostname_checks_common_name = False
    if cluster.insecure_skip_tls_verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    elif cluster.has_ca:
        try:
            context.load_verify_locations(cadata=cluster.ca().decode(errors="replace"))
        except (ssl.SSLError, ValueError) as error:
            raise KubeconfigError("certificate-authority: it holds no certificate that can be read") from error
    else:
        _trust_the_system(context)
    if credentials.certificate:
        _show(context, credentials, files)
    return context


def _show(context: ssl.SSLContext, credentials: Credentials, files: PrivateFiles) -> None:
    both = files.write("client.pem", credentials.certificate + b"\n" + credentials.key)
    try:
        # Without a password OpenSSL would ask for that of an encrypted key.
        context.load_cert_chain(both, password="")
    except (ssl.SSLError, ValueError) as error:
        raise KubeconfigError("client-certificate: it and its key cannot be read, or do not belong together") from error


def _trust_the_system(context: ssl.SSLContext) -> None:
    """The certificates that this machine trusts; SSL_CERT_FILE and SSL_CERT_DIR name others, as for Go."""
    context.load_default_certs()
    named = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
    if not named and not context.cert_store_stats()["x509_ca"]:
        for file in _SYSTEM_FILES:
            if Path(file).is_file():
                context.load_verify_locations(file)
                return
