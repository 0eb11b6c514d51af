"""The operator's own code takes a DaskJob that has ended, and was deleted, for one that it has handled already."""

import logging
from types import SimpleNamespace
from typing import Any

import kopf
import pytest
from kopf._cogs.configs.configuration import OperatorSettings
from kopf._cogs.structs.bodies import Body
from kopf._cogs.structs.diffs import diff
from kopf._cogs.structs.references import Resource
from kopf._core.intents import causes

from components.vocabulary import LAST_HANDLED, RECORD
from tests.contract.operated import controller
from tests.support.declared import declared_job


def handlers(annotations: dict[str, str]) -> list[str]:
    """What the operator would call for a DaskJob with these annotations that appears."""
    assert controller
    body = declared_job("once", {"runner": {"script": "pass"}}).dask_job
    raw: Any = body | {"metadata": body["metadata"]}
    raw["metadata"] = raw["metadata"] | {"annotations": annotations, "uid": "1", "resourceVersion": "1"}
    storage, body = OperatorSettings().persistence.diffbase_storage, Body(raw)
    old, new = storage.fetch(body=body), storage.build(body=body)
    cause = causes.detect_changing_cause(
        finalizer="kopf.zalando.org/KopfFinalizerMarker",
        raw_event={"type": "ADDED", "object": raw},
        body=body,
        old=old,
        new=new,
        diff=diff(old, new),
        initial=False,
        resource=Resource("kubernetes.dask.org", "v1", "daskjobs", kind="DaskJob", singular="daskjob", namespaced=True),
        logger=logging.getLogger(__name__),
        indices={},
        patch={},
        memo=SimpleNamespace(),
    )
    return [handler.id for handler in kopf.get_default_registry()._changing.get_handlers(cause)]


@pytest.mark.parametrize(
    ("annotations", "called"),
    [({}, ["daskjob_create"]), ({LAST_HANDLED: "{}", RECORD: "true"}, [])],
    ids=["new", "handled"],
)
def test_a_job_runs_only_where_it_is_new_to_the_operator(annotations: dict[str, str], called: list[str]) -> None:
    assert handlers(annotations) == called
