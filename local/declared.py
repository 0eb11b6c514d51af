"""What a stack declares, without an engine. In: a project's directory and a stack's name. Out: settings and targets.

Values under `dask:secrets` are not needed, and so not decrypted: the names of their Secrets, which end in a hash of the
values, are taken from the cluster.
"""

import argparse
import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kr8s
import pulumi

from components import kube
from components.errors import ClusterError, ConfigError
from components.kube import Connection
from components.manifest import Target
from components.names import PART_OF
from components.settings import PROJECT, Settings, decoded, parse
from local.stackfiles import StackError, load


@dataclass(frozen=True)
class Declared:
    """One stack: whose objects its are, what it says, and where."""

    part_of: str
    settings: Settings
    connection: Connection

    async def targets(self, client: Any) -> dict[str, Target]:
        """The clusters by their names in the configuration."""
        secrets = tuple(sorted((await self._secrets(client)).items())) if self.settings.secrets else ()
        namespace = self.settings.namespace
        place = (namespace.name, self.part_of, namespace.pod_security == "restricted", secrets)
        return {name: Target(name, cluster, *place) for name, cluster in self.settings.clusters.items()}

    async def _secrets(self, client: Any) -> dict[str, str]:
        url = f"api/v1/namespaces/{self.settings.namespace.name}/secrets"
        live = await kube.items(client, url, {PART_OF: self.part_of})
        names = [secret["metadata"]["name"] for secret in sorted(live, key=_made)]
        found = {match[1]: name for name in names if (match := re.fullmatch(r"(.+)-[0-9a-f]{8}", name))}
        return {name: found.get(name, name) for name in self.settings.secrets}


def _made(live: dict[str, Any]) -> str:
    return live["metadata"]["creationTimestamp"]


def read(root: Path, name: str) -> Declared:
    """Reads the stack's files. Raises `StackError` or `ConfigError`."""
    stack = load(root.resolve(), name, refuse_secrets=False)
    raw = {
        key.partition(":")[2]: decoded(value) for key, value in stack.config.items() if key.startswith(f"{PROJECT}:")
    }
    if "secrets" in raw:
        raw["secrets"] = _without_values(raw["secrets"])
    connection = Connection(stack.config.get("kubernetes:context"), stack.config.get("kubernetes:kubeconfig"))
    return Declared(stack.part_of, parse(raw), connection)


def _without_values(secrets: Any) -> dict[str, dict[str, str]]:
    """The names and keys. Where the whole entry is encrypted, not even those are known."""
    if not isinstance(secrets, dict) or "secure" in secrets:
        return {}
    return {name: {key: "" for key in data if key != "secure"} for name, data in secrets.items()}


def run(arguments: list[str] | None, description: str, work: Callable[[Any, Declared, str], Awaitable[int]]) -> int:
    """A command that looks at a stack: the exit code of `work`, which gets the API, the stack and its name.

    1, with the reason on stderr, for what people can do something about.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--stack", default="dev")
    parser.add_argument("--cwd", type=Path, default=Path(), help="the project's directory (default: here)")
    options = parser.parse_args(arguments)

    async def look() -> int:
        declared = read(options.cwd, options.stack)
        return await work(await kube.api(declared.connection), declared, options.stack)

    pulumi.log.warn = pulumi.log.info = pulumi.log.error = lambda message, *_: print(message, file=sys.stderr)
    try:
        return asyncio.run(look())
    except (StackError, ConfigError, ClusterError, kr8s.ServerError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
