"""Asks the API server, by dry runs, whether it would take an object, and reads its refusals.

A dry run goes through everything that the real request goes through (defaults, webhooks, validation, policies, Pod
Security, limits, quotas) and stores nothing.
"""

import asyncio
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..kube import client as kube
from ..kube.client import Object
from ..kube.paths import path_of
from ..lifecycle.proposal import Change, Declared
from ..manifests.operated import Role, made_of
from ..settings.formats.names import HASH_LENGTH
from ..vocabulary import INSTANCE

AT_ONCE = 8
# Where objects are validated whose own namespace does not exist yet: this one always exists.
ELSEWHERE = "default"
_PROVIDER = "pulumi-kubernetes"
_HASH = re.compile(rf"-[0-9a-f]{{{HASH_LENGTH}}}\b")
_NO_RIGHTS = re.compile(r'User ".*" cannot |cannot set an ownerRef on a resource you can\'t delete')
# Other parts of the program name the holder of a node port, and a service account that pods have to wait for.
_NOT_COUNTED = re.compile(r'already allocated|serviceaccount "[^"]+" not found')
_REFUSED, _CONFLICT, _MISSING = {400, 403, 422}, 409, 404


@dataclass(frozen=True)
class Question:
    """A body that the API server is asked about."""

    declared: Declared
    """The object that it comes of, or is."""
    body: Object
    role: Role | None = None
    """Whose pod it is about, if the operator creates it."""
    live: Object | None = None
    """What the body updates."""
    elsewhere: bool = False
    """Whether it is asked in another namespace, where nothing but its validation counts."""
    others: tuple[Declared, ...] = ()
    """More objects whose answer is the same, because they differ in names only."""

    @property
    def key(self) -> str:
        """The same for two bodies that differ in names only."""
        name = (self.declared.body["metadata"].get("labels") or {}).get(INSTANCE) or self.declared.body["metadata"][
            "name"
        ]
        text = json.dumps([self.declared.kind, self.role, self.live is None, self.body], sort_keys=True)
        return re.sub(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", "", _HASH.sub("", text))


@dataclass(frozen=True)
class Refusal:
    """An answer other than yes."""

    question: Question
    words: str
    field: str = ""
    """The field of the body that is invalid."""
    certain: bool = False
    """Whether the body is at fault, whatever else exists when it is created."""
    asked: bool = True
    """False where the API server could not be asked: no permission, no such kind, a webhook without dry runs."""
    unknown_kind: bool = False
    """Whether the API server does not have the kind yet."""


def questions(changes: Iterable[Change], missing: set[str]) -> list[Question]:
    """One question for each distinct body. `missing` are the namespaces that do not exist yet."""
    found: dict[str, Question] = {}
    for change in changes:
        one = change.declared
        made = [Question(one, it.body, it.role) for it in made_of(one.body)]
        for question in [Question(one, one.body, live=change.live), *made]:
            if one.kind != "Namespace" and one.namespace in missing:
                question = replace(question, elsewhere=True)
            first = found.get(question.key)
            if first is None or first.declared is one:
                found.setdefault(question.key, question)
            else:
                found[question.key] = replace(first, others=(*first.others, one))
    return list(found.values())


async def ask(client: kube.Api, asked: Sequence[Question]) -> list[Refusal]:
    """The refusals, in the order of the questions. Raises nothing for what the API server says."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(question: Question) -> list[Refusal]:
        async with turn:
            return await _ask(client, question)

    answers = await asyncio.gather(*map(one, asked))
    return [refusal for answer in answers for refusal in answer]


async def _ask(client: kube.Api, question: Question) -> list[Refusal]:
    body = question.body
    if question.elsewhere:
        body = body | {"metadata": body["metadata"] | {"namespace": ELSEWHERE}}
    named = body if "name" in body["metadata"] else body | {"metadata": body["metadata"] | {"name": "x"}}
    url = path_of(named)
    try:
        if question.live is not None and (manager := _applied_by(question.live)):
            await kube.apply(client, url, body, manager=manager, dry_run=True)
        elif question.live is not None:
            await kube.patch(client, url, body, dry_run=True)
        else:
            await kube.create(client, url.rpartition("/")[0], body, dry_run=True)
    except kube.ServerError as error:
        return list(_refusals(question, error))
    return []


def _applied_by(live: Object) -> str | None:
    """The name under which the provider applies an object. Each object has its own: `pulumi-kubernetes-<id>`.

    Only under the same name does an apply remove what the body no longer has, as the update itself does.
    """
    entries = live["metadata"].get("managedFields") or []
    names = (it["manager"] for it in entries if it.get("operation") == "Apply")
    return next((name for name in names if name.startswith(_PROVIDER)), None)


def _refusals(question: Question, error: Any) -> Iterable[Refusal]:
    code, words = kube.status(error), str(error)
    if code == _CONFLICT or _NOT_COUNTED.search(words):
        return []
    if code == _MISSING and 'namespaces "' not in words:
        words = f"it has no kind {question.body['kind']} yet"
        return [Refusal(question, words, asked=False, unknown_kind=True)]
    if code == _MISSING or _NO_RIGHTS.search(words) or "does not support dry run" in words:
        return [Refusal(question, words, asked=False)]
    causes = [cause for cause in _causes(error) if cause.get("field")] if code == 422 else []
    if causes:
        return [Refusal(question, cause["message"], cause["field"], certain=True) for cause in causes]
    unreadable = code == 400 and "cannot be handled as" in words
    if question.elsewhere and not unreadable:
        return []
    return [Refusal(question, words, certain=unreadable, asked=code in _REFUSED)]


def _causes(error: Any) -> list[dict[str, str]]:
    try:
        return (error.response.json().get("details") or {}).get("causes") or []
    except (ValueError, AttributeError):
        return []
