"""The hooks of an endpoint's move, and what a failed drain does to the program."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
from pulumi import ResourceHookArgs
from pulumi.runtime.stack import ResourceRegistrationFailed

from components.kube.client import Connection
from components.kube.errors import ClusterError
from components.lifecycle import drain, replaced
from components.lifecycle import node_ports as nodeports
from components.lifecycle.endpoint_move import Move, ends_well
from components.lifecycle.replaced import Record
from components.vocabulary import OWNER
from tests.support.clock import FakeClock
from tests.support.declared import declared
from tests.unit.registrations import record

TARGET = declared("a", {})


def record_of(error: Exception | None) -> Any:
    async def urn() -> str:
        if error:
            raise error
        return "urn"

    return SimpleNamespace(urn=SimpleNamespace(future=urn))


def test_a_failed_drain_ends_the_program_so_that_nothing_is_deleted() -> None:
    """With `--continue-on-error` the SDK itself lets a failed resource pass at the program's end."""
    with pytest.raises(ClusterError, match="nothing is deleted in this run"):
        asyncio.run(ends_well(TARGET, record_of(ResourceRegistrationFailed("failed to register"))))

    asyncio.run(ends_well(TARGET, record_of(None)))


def test_the_programs_end_waits_for_the_record() -> None:
    def program() -> None:
        pulumi.Output.from_input(ends_well(TARGET, record_of(ResourceRegistrationFailed("failed"))))

    with pytest.raises(ClusterError, match="not drained"):
        record(program)


def test_the_hooks_hand_on_the_owners_id_the_old_record_and_the_time_after_the_move(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Any] = []

    async def drain_and_delete(*given: Any) -> None:
        seen.append(given[2:])

    async def nothing(*_: Any) -> None:
        return None

    monkeypatch.setattr(replaced, "drain_and_delete", drain_and_delete)
    monkeypatch.setattr(replaced, "refuse_terminating", nothing)
    monkeypatch.setattr(nodeports, "hand_over", nothing)
    FakeClock(12.0).install(monkeypatch)
    args = ResourceHookArgs(
        "urn",
        "id",
        "name",
        "type",
        new_inputs={"metadata": {"annotations": {OWNER: "me"}}},
        old_inputs={"data": {"DASK_CLUSTER_NAME": "a-old"}},
    )

    async def run(moved: bool) -> None:
        made = Move(Connection(), TARGET)
        endpoint, recorded = made.endpoint_hooks(), made.record_hooks()
        hooks = [*(endpoint.before_update or []), *((endpoint.after_update or []) if moved else [])]
        for hook in [*hooks, *(recorded.before_update or [])]:
            await hook.callback(args)  # type: ignore[union-attr, misc]

    def program() -> None:
        pulumi.Output.from_input(run(moved=False))
        pulumi.Output.from_input(run(moved=True))

    record(program)

    assert [(given[1], given[2]) for given in seen] == [
        (Record("me", "a-old"), None),
        (Record("me", "a-old"), 12.0 + drain.SETTLE_SECONDS),
    ]
    # Both declare a cluster of the same program.
    assert len(seen[0][0]) == 2
