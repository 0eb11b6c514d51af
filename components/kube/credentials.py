"""Whose requests they are: what a kubeconfig, its token file or its exec plugin says, as client-go obtains it."""

import asyncio
import base64
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..kube.errors import KubeconfigError
from ..kube.kubeconfig import Access
from ..kube.kubeconfig_file import Exec, User

# As long a token file is believed; client-go reads it again after a minute, ten seconds early.
TOKEN_SECONDS = 50.0
# net/http's httpguts.ValidHeaderFieldName, without "%", which client-go escapes.
_IN_HEADERS = "!#$&'*+-.^_`|~"


@dataclass(frozen=True)
class Credentials:
    """What requests carry; empty for nobody in particular."""

    token: str = ""
    certificate: bytes = b""
    """With its key: PEM."""
    key: bytes = b""
    expires: datetime | None = None

    @property
    def expired(self) -> bool:
        """Whether the plugin has to be asked again."""
        return self.expires is not None and datetime.now(UTC) >= self.expires


async def obtain(access: Access) -> Credentials:
    """The credentials of the access; runs its plugin. Raises `KubeconfigError`."""
    user = access.user
    if user.plugin:
        return _printed(user.plugin, await _run(user.plugin, access))
    certificate = user.client_certificate_data or _content(user.client_certificate)
    key = user.client_key_data or _content(user.client_key)
    return Credentials(user.token or _id_token(user), certificate if key else b"", key if certificate else b"")


def _content(path: str) -> bytes:
    return Path(path).read_bytes() if path else b""


def _id_token(user: User) -> str:
    """The token that an earlier kubectl has left behind. kubectl renews it; this does not."""
    if user.auth_provider is None:
        return ""
    token = user.auth_provider.config.get("id-token", "")
    try:
        payload = token.split(".")[1]
        end = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).get("exp", 0)
    except (ValueError, IndexError):
        end = 0
    if end <= datetime.now(UTC).timestamp():
        raise KubeconfigError(
            "auth-provider oidc: its id-token has expired; `kubectl version` renews it, and the exec plugin kubelogin "
            "renews its own"
        )
    return token


async def _run(plugin: Exec, access: Access) -> str:
    """What the plugin prints. Its stderr is passed on, because it may say where to log in."""
    command = shutil.which(plugin.command)
    if command is None:
        hint = f"; {' '.join(plugin.install_hint.split())}" if plugin.install_hint else ""
        raise KubeconfigError(f"exec: the executable {plugin.command} is not found{hint}")
    added = {one.name: one.value for one in plugin.env} | {"KUBERNETES_EXEC_INFO": _information(plugin, access)}
    process = await asyncio.create_subprocess_exec(
        command,
        *plugin.args,
        env=os.environ | added,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout
        printed, last = await asyncio.gather(process.stdout.read(), _passed_on(process.stderr))
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code:
        raise KubeconfigError(f"exec: {plugin.command} failed with exit code {code}{last and f': {last}'}")
    return printed.decode()


async def _passed_on(errors: asyncio.StreamReader | None) -> str:
    """The last line of a plugin's stderr, which goes to ours."""
    last = ""
    assert errors
    while line := await errors.readline():
        sys.stderr.write(line.decode(errors="replace"))
        sys.stderr.flush()
        last = line.decode(errors="replace").strip() or last
    return last


def _information(plugin: Exec, access: Access) -> str:
    """KUBERNETES_EXEC_INFO: an ExecCredential, with the cluster where the plugin asks for it."""
    spec: dict[str, Any] = {"interactive": False}
    if plugin.provide_cluster_info:
        cluster = access.cluster
        ca = base64.b64encode(cluster.ca()).decode() if cluster.has_ca else ""
        told = {
            "tls-server-name": cluster.tls_server_name,
            "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify,
            "certificate-authority-data": ca,
            "proxy-url": cluster.proxy_url,
            "disable-compression": cluster.disable_compression,
            "config": cluster.exec_config,
        }
        spec["cluster"] = {"server": access.server} | {key: value for key, value in told.items() if value}
    return json.dumps({"kind": "ExecCredential", "apiVersion": plugin.api_version, "spec": spec})


def _printed(plugin: Exec, text: str) -> Credentials:
    try:
        credential = json.loads(text)
        version, status = credential.get("apiVersion"), credential.get("status") or {}
        expires = status.get("expirationTimestamp")
        token, pair = status.get("token", ""), [status.get(f"client{end}Data", "") for end in ("Certificate", "Key")]
        until = datetime.fromisoformat(expires) if expires else None
    except (ValueError, AttributeError) as error:
        raise KubeconfigError(f"exec: {plugin.command} has printed no ExecCredential") from error
    if version != plugin.api_version:
        raise KubeconfigError(f"exec: {plugin.command} answers in {version}, the kubeconfig says {plugin.api_version}")
    if not token and not any(pair):
        raise KubeconfigError(f"exec: {plugin.command} has printed neither a token nor a certificate with its key")
    if any(pair) != all(pair):
        raise KubeconfigError(f"exec: {plugin.command} has printed a certificate or a key, not both")
    return Credentials(token, pair[0].encode(), pair[1].encode(), until)


def headers(access: Access) -> list[tuple[str, str]]:
    """The headers of every request that say which other user the user acts as."""
    user = access.user
    if not user.as_:
        return []
    extra = [
        (f"Impersonate-Extra-{quote(key, safe=_IN_HEADERS)}", value)
        for key, values in user.as_user_extra.items()
        for value in values
    ]
    uid = [("Impersonate-Uid", user.as_uid)] if user.as_uid else []
    return [("Impersonate-User", user.as_), *uid, *(("Impersonate-Group", it) for it in user.as_groups), *extra]


class Authorization:
    """The header of each request. A token file is read again when it may have been rotated."""

    def __init__(self, user: User, credentials: Credentials, clock: Callable[[], float]) -> None:
        self._user, self._token, self._clock = user, credentials.token, clock
        self._read_at: float | None = None

    def header(self) -> str:
        """The value of `Authorization`; empty without any."""
        user = self._user
        if user.token_file:
            self._read()
        if self._token:
            return f"Bearer {self._token}"
        if user.username or user.password:
            return f"Basic {base64.b64encode(f'{user.username}:{user.password}'.encode()).decode()}"
        return ""

    def _read(self) -> None:
        """The file's token counts as soon as there is one; the last one where it cannot be read."""
        now = self._clock()
        if self._read_at is not None and now - self._read_at < TOKEN_SECONDS:
            return
        try:
            self._token = Path(self._user.token_file).read_text().strip() or self._token
        except OSError:
            return
        self._read_at = now
