"""Rules about the Secrets and service accounts of a stack: what Kubernetes demands of each type, and who has it."""

import json
from collections.abc import Iterator, Mapping

from ...settings.checks.walker import until_unknown
from ...settings.mistakes import Mistake
from ...settings.pod import PodSettings
from ...settings.secrets import DEMANDED, PULL_KEY, PULL_SECRET, type_of
from ...settings.stack import Settings


def types(settings: Settings) -> Iterator[Mistake]:
    """A type belongs to a Secret of the stack, and demands keys of it."""
    for name in settings.secret_types:
        if name not in settings.secrets:
            fix = "remove it, or add the Secret with `pulumi config set --secret`"
            yield Mistake("is the type of no Secret under `dask:secrets`", fix, ("secretTypes", name))
    for name, data in settings.secrets.items():
        yield from until_unknown(_demanded, name, data, settings)


def _demanded(name: str, data: Mapping[str, str], settings: Settings) -> Iterator[Mistake]:
    written = settings.secret_types.get(name)
    kind = type_of(data, written)
    groups = DEMANDED.get(kind, ())
    if groups and not any(all(key in data for key in group) for group in groups):
        demanded = " or ".join(" and ".join(f"'{key}'" for key in group) for group in groups)
        fix = f"remove the line, or add the key to `dask:secrets.{name}`"
        yield Mistake(f"demands the key {demanded} of the Secret", fix, ("secretTypes", name), written)
    elif kind == PULL_SECRET and not _has_registries(data[PULL_KEY]):
        rule = (
            "must be the JSON of a Docker configuration with `auths`, as `docker login` writes it without a "
            "`credsStore`"
        )
        fix = "see the recipe for private registries in docs/recipes.md"
        yield Mistake(rule, fix, ("secrets", name, PULL_KEY), None)


def _has_registries(text: str) -> bool:
    try:
        return bool(json.loads(text)["auths"])
    except (ValueError, KeyError, TypeError):
        return False


def service_accounts(settings: Settings) -> Iterator[Mistake]:
    """Kubernetes itself creates the account `default` in every namespace."""
    if "default" in settings.service_accounts:
        rule = "is an account that Kubernetes creates in every namespace"
        yield Mistake(rule, "choose another name, and set `serviceAccount`", ("serviceAccounts", "default"), None)


def no_credentials(pod: PodSettings, settings: Settings) -> Iterator[Mistake]:
    """A warning: a Secret of the stack that no registry takes. One of the same name may exist all the same."""
    for index, name in enumerate(pod.image_pull_secrets):
        if name in settings.secrets and settings.secret_type(name) != PULL_SECRET:
            rule = "is a Secret of this stack without registry credentials, so a Secret of that name has to exist"
            yield Mistake(
                rule, f"give the one under `dask:secrets` the key `{PULL_KEY}`", ("imagePullSecrets", index), name
            )
