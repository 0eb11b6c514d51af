"""What is written in a kubeconfig: the fields that client-go knows, and what it refuses in them.

The names are those of the file. Keys that are missing, null or unknown are as in client-go: empty, or not read.
"""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
EXEC_EXTENSION = "client.authentication.k8s.io/exec"
PROXIES = ("http", "https", "socks5")
Own = TypeVar("Own", bound="Part")


def _decoded(value: Any) -> Any:
    return base64.b64decode("".join(value.split()), validate=True) if isinstance(value, str) else value


Encoded = Annotated[bytes, BeforeValidator(_decoded)]


class Part(BaseModel):
    """A mapping of the file."""

    model_config = ConfigDict(frozen=True, alias_generator=lambda name: name.replace("_", "-"))

    @model_validator(mode="before")
    @classmethod
    def _null_is_nothing(cls, raw: Any) -> Any:
        return {key: value for key, value in raw.items() if value is not None} if isinstance(raw, dict) else raw

    def paths(self) -> dict[str, str]:
        """The files that it names, by field; a command only where it is a path."""
        return {}

    def with_paths(self: Own, paths: dict[str, str]) -> Own:
        """The same with other files."""
        return self.model_copy(update=paths)


class Extension(Part):
    """Something that a plugin or a tool has written."""

    name: str
    extension: Any = None


class Cluster(Part):
    """How a server is reached."""

    server: str = ""
    tls_server_name: str = ""
    insecure_skip_tls_verify: bool = False
    certificate_authority: str = ""
    certificate_authority_data: Encoded = b""
    proxy_url: str = ""
    disable_compression: bool = False
    extensions: list[Extension] = []

    @property
    def has_ca(self) -> bool:
        """Whether only the certificates of a CA of its own are trusted, and not those of the system."""
        return bool(self.certificate_authority or self.certificate_authority_data)

    @property
    def exec_config(self) -> Any:
        """What the cluster has for exec plugins."""
        return next((it.extension for it in self.extensions if it.name == EXEC_EXTENSION), None)

    def ca(self) -> bytes:
        """The certificates that are trusted, as PEM. Raises `OSError`."""
        return self.certificate_authority_data or Path(self.certificate_authority).read_bytes()

    def paths(self) -> dict[str, str]:
        return {"certificate_authority": self.certificate_authority}

    def mistakes(self) -> Iterator[str]:
        """What no client can do with it."""
        if not self.server:
            yield "its cluster has no server"
        if self.proxy_url and urlsplit(self.proxy_url).scheme not in PROXIES:
            yield f"proxy-url: the scheme is none of {', '.join(PROXIES)}"
        if self.certificate_authority and self.certificate_authority_data:
            yield "certificate-authority and certificate-authority-data are both set; leave one out"
        if self.has_ca and self.insecure_skip_tls_verify:
            yield "insecure-skip-tls-verify and a certificate authority are both set; leave one out"
        yield from _unreadable("certificate-authority", self.certificate_authority)


class Variable(Part):
    """A variable of a plugin's environment."""

    name: str
    value: str = ""


class Exec(Part):
    """A plugin that prints credentials."""

    model_config = ConfigDict(alias_generator=None)
    api_version: str = Field(default="", alias="apiVersion")
    command: str = ""
    args: list[str] = []
    env: list[Variable] = []
    install_hint: str = Field(default="", alias="installHint")
    provide_cluster_info: bool = Field(default=False, alias="provideClusterInfo")
    interactive_mode: str = Field(default="", alias="interactiveMode")

    def mistakes(self) -> Iterator[str]:
        """What keeps the plugin from being run. The program has no terminal, and neither has the provider."""
        if not self.command:
            yield "exec: it has no command"
        if self.api_version not in EXEC_VERSIONS:
            yield f"exec: apiVersion '{self.api_version}' is none of {', '.join(EXEC_VERSIONS)}"
        elif not self.interactive_mode and self.api_version == EXEC_VERSIONS[0]:
            yield "exec: interactiveMode is missing; set it to Never, IfAvailable or Always"
        if self.interactive_mode == "Always":
            yield "exec: the plugin needs a terminal (interactiveMode: Always), and Pulumi's programs have none"
        elif self.interactive_mode not in ("", "Never", "IfAvailable"):
            yield f"exec: interactiveMode '{self.interactive_mode}' is none of Never, IfAvailable, Always"


class AuthProvider(Part):
    """The plugins of the time before exec. Of them client-go still has `oidc`."""

    name: str
    config: dict[str, str] = {}


class User(Part):
    """The user of the requests."""

    client_certificate: str = ""
    client_certificate_data: Encoded = b""
    client_key: str = ""
    client_key_data: Encoded = b""
    token: str = Field(default="", repr=False)
    token_file: str = Field(default="", alias="tokenFile")
    as_: str = Field(default="", alias="as")
    as_uid: str = ""
    as_groups: list[str] = []
    as_user_extra: dict[str, list[str]] = {}
    username: str = ""
    password: str = Field(default="", repr=False)
    auth_provider: AuthProvider | None = None
    exec: Exec | None = None

    @property
    def has_certificate(self) -> bool:
        """Whether it has a client certificate."""
        return bool(self.client_certificate or self.client_certificate_data)

    @property
    def plugin(self) -> Exec | None:
        """The plugin, if it is asked at all: credentials of the file come first."""
        theirs = self.token or self.token_file or self.username or self.password or self.has_certificate
        return None if theirs else self.exec

    @property
    def is_anonymous(self) -> bool:
        """Whether requests carry nothing that says whose they are."""
        return self == self.without_credentials()

    def without_credentials(self) -> "User":
        """Who asks in nobody's name, and may still ask for another's."""
        kept = {"as_", "as_uid", "as_groups", "as_user_extra"}
        return User.model_construct(**{key: getattr(self, key) for key in kept})

    def paths(self) -> dict[str, str]:
        files = {key: getattr(self, key) for key in ("client_certificate", "client_key", "token_file")}
        command = self.exec.command if self.exec else ""
        return files | ({"exec": command} if "/" in command else {})

    def with_paths(self, paths: dict[str, str]) -> "User":
        files = {key: path for key, path in paths.items() if key != "exec"}
        if self.exec and "exec" in paths:
            return self.model_copy(update=files | {"exec": self.exec.model_copy(update={"command": paths["exec"]})})
        return self.model_copy(update=files)

    def mistakes(self) -> Iterator[str]:
        """What no client can do with it."""
        if (self.token or self.token_file) and (self.username or self.password):
            yield "a token and a user name are both set; leave one out"
        for kind in ("certificate", "key"):
            path = getattr(self, f"client_{kind}")
            if path and getattr(self, f"client_{kind}_data"):
                yield f"client-{kind} and client-{kind}-data are both set; leave one out"
            yield from _unreadable(f"client-{kind}", path)
        if self.has_certificate and not (self.client_key or self.client_key_data):
            yield "client-certificate has no client-key"
        yield from _unreadable("tokenFile", "" if self.token else self.token_file)
        if (self.as_uid or self.as_groups or self.as_user_extra) and not self.as_:
            yield "as-uid, as-groups or as-user-extra are set without `as`"
        if self.exec and self.auth_provider:
            yield "exec and auth-provider are both set; leave one out"
        if self.auth_provider and self.auth_provider.name != "oidc":
            yield f"auth-provider: kubectl no longer has '{self.auth_provider.name}'; use its exec plugin"
        if self.exec:
            yield from self.exec.mistakes()


class Context(Part):
    """Which user asks which server."""

    cluster: str = ""
    user: str = ""


class NamedCluster(Part):
    name: str
    cluster: Cluster = Cluster()


class NamedUser(Part):
    name: str
    user: User = User()


class NamedContext(Part):
    name: str
    context: Context = Context()


class File(Part):
    """One file."""

    current_context: str = ""
    clusters: list[NamedCluster] = []
    users: list[NamedUser] = []
    contexts: list[NamedContext] = []

    def by_name(self, kind: Literal["clusters", "users", "contexts"]) -> dict[str, Any]:
        """The entries of a kind. Raises `ValueError` where two have one name."""
        named = {it.name: getattr(it, kind[:-1]) for it in getattr(self, kind)}
        if len(named) < len(getattr(self, kind)):
            raise ValueError(f"{kind}: two of them have the same name")
        return named


def _unreadable(key: str, path: str) -> Iterator[str]:
    try:
        if path:
            Path(path).open("rb").close()
    except OSError as error:
        yield f"{key}: {path} cannot be read ({error.strerror})"
