"""Before the first object of a run is written, the API server is asked whether it would take all of them.

A hook before every creation and update awaits one answer for the whole run, so an `up` without changes asks nothing
(docs/adr/0018). What the operator will create is asked about as well: the operator meets the refusals two steps later,
where nobody sees them.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import pulumi
from pulumi import Output, ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceHookOptions, ResourceOptions

from ..kube import client as kube
from ..kube.client import Connection
from ..kube.errors import ClusterError
from ..lifecycle import dry_runs, ownership, proposal, written
from ..lifecycle.dry_runs import Question, Refusal
from ..lifecycle.proposal import Change, Declared
from ..settings.stack import Settings

T = TypeVar("T")
HOOK = "ask-first"
# They begin to run work. All else has been created by then, so what could not be asked before can be asked now.
_DASK = {"DaskCluster", "DaskJob"}
# Objects that no other object's admission depends on. Any other may be what makes a refused object acceptable.
_DEPENDED_ON_BY_NONE = _DASK | {
    *("DaskWorkerGroup", "DaskAutoscaler", "Job", "Service", "ConfigMap", "Secret", "NetworkPolicy"),
    *("PodDisruptionBudget", "ServiceMonitor", "PodMonitor", "PrometheusRule", "Ingress", "HTTPRoute"),
    "Certificate",
}


@dataclass
class AskFirst:
    """The objects of a program, and the API server's answer about them."""

    connection: Connection
    settings: Settings | None = None
    """The stack's settings, to name the place in its file."""
    objects: list[Declared] = field(default_factory=list)
    _first: "asyncio.Task[list[Question]] | None" = None
    _second: "asyncio.Task[None] | None" = None
    _told: bool = False

    def transformation(
        self, hook: str = HOOK, provider: pulumi.ProviderResource | None = None
    ) -> pulumi.ResourceTransformation:
        """Collects the objects that a program registers, and lets none be written before the answer.

        With a `provider`, only objects that are registered with it. `hook` is a name that no other hook has.
        """

        async def ask(args: ResourceHookArgs) -> None:
            await self.answer(str((args.new_inputs or {}).get("kind", "")))

        asks = [ResourceHook(hook, ask, opts=ResourceHookOptions(on_dry_run=True))]
        hooks = ResourceHookBinding(before_create=asks, before_update=asks)

        def collected(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
            if not ownership.is_object(args.type_) or args.opts.import_ or args.opts.id:
                return None
            if provider is not None and not ownership.is_of(provider, args):
                return None
            if one := proposal.declared(args):
                self.objects.append(one)
            opts = ResourceOptions.merge(ResourceOptions(hooks=hooks), args.opts)
            if opts.delete_before_replace and opts.replacement_trigger is not None:
                # Its deletion comes before any hook, so whether it is replaced is known only after the answer.
                both = Output.all(opts.replacement_trigger, Output.from_input(self.answer()))
                opts.replacement_trigger = both.apply(lambda known: known[0])
            return pulumi.ResourceTransformationResult(args.props, opts)

        return collected

    async def answer(self, kind: str = "") -> None:
        """Returns when nothing speaks against an object of this kind; raises `ClusterError` with every refusal."""
        if self._first is None:
            self._first = asyncio.create_task(self._ask_all())
        later = await self._said_once(self._first)
        if later and kind in _DASK and not pulumi.runtime.is_dry_run():
            if self._second is None:
                self._second = asyncio.create_task(self._ask_again(later))
            await self._said_once(self._second)

    async def _said_once(self, answer: "asyncio.Task[T]") -> T:
        """The answer. Of the hooks that wait for it, one gets all of the words."""
        try:
            # A hook that is cancelled does not end what the others wait for.
            return await asyncio.shield(answer)
        except ClusterError:
            if self._told:
                raise ClusterError("nothing more is written, because the API server refuses a part of it") from None
            self._told = True
            raise

    async def _ask_all(self) -> list[Question]:
        """Asks about everything. Returns what can be asked only when its namespace or the operator's CRDs exist."""
        client = await ownership.reached(self.connection)
        if client is None:
            return []
        changes = await self._changes(client)
        changed = [change.declared for change in changes]
        missing = {it.declared.namespace for it in changes if it.declared.kind == "Namespace" and it.live is None}
        # What such an object allows is known only after it was written.
        unsettled = {it.namespace for it in changed if it.kind not in _DEPENDED_ON_BY_NONE}
        asked = dry_runs.questions(changes, missing)
        answers = await dry_runs.ask(client, asked)
        uninstalled = [it for it in answers if it.unknown_kind and it.question.body["kind"].startswith("Dask")]
        self._report([it for it in answers if it not in uninstalled], unsettled, "nothing was changed")
        elsewhere = [replace(it, elsewhere=False) for it in asked if it.elsewhere]
        later = [*elsewhere, *(it.question for it in uninstalled if not it.question.elsewhere)]
        if later and pulumi.runtime.is_dry_run():
            pulumi.log.info(
                f"{_postponed(elsewhere, uninstalled)} can be asked about only when they exist: `up` does so"
            )
        return later

    async def _changes(self, client: kube.Api) -> list[Change]:
        try:
            return await proposal.changes(client, self.objects)
        except kube.ServerError as error:
            pulumi.log.warn(f"the API server could not be asked beforehand what it refuses: {error}")
            return []

    async def _ask_again(self, later: Sequence[Question]) -> None:
        client = await ownership.reached(self.connection)
        if client is not None:
            self._report(await dry_runs.ask(client, later), set(), "no cluster was created")

    def _report(self, refusals: Sequence[Refusal], unsettled: set[str], so_far: str) -> None:
        """Raises `ClusterError` for what cannot work; warns of what may."""
        for words in dict.fromkeys(_short(it.words) for it in refusals if not it.asked):
            pulumi.log.info(f"the API server could not be asked about everything beforehand: {words}")
        refused = [it for it in refusals if it.asked]
        certain = [it for it in refused if it.certain or not _may_change(it, unsettled)]
        for line in written.lines([it for it in refused if it not in certain], self.settings):
            pulumi.log.warn(f"refused at the moment: {line}")
        if lines := written.lines(certain, self.settings):
            many = "an object" if len(lines) == 1 else f"{len(lines)} objects or fields"
            found = "\n".join(f"  {line}" for line in lines)
            raise ClusterError(f"the API server refuses {many} of this stack; {so_far}:\n{found}")


def _postponed(elsewhere: Sequence[Question], uninstalled: Sequence[Refusal]) -> str:
    """What the API server does not have yet, in words."""
    spaces = sorted({f"'{it.declared.namespace}'" for it in elsewhere})
    kinds = sorted({it.question.body["kind"] for it in uninstalled})
    return " and ".join(
        [
            *([f"the rules of the namespace {', '.join(spaces)}"] if spaces else []),
            *([f"the operator's {', '.join(kinds)}"] if kinds else []),
        ]
    )


def _may_change(refusal: Refusal, unsettled: set[str]) -> bool:
    """Whether the same object may be taken when its turn comes."""
    space = refusal.question.declared.namespace
    return "exceeded quota" in refusal.words or bool({space, ""} & unsettled)


def _short(words: str) -> str:
    """The refusal without the names that differ between objects."""
    return words.partition(": ")[2] or words
