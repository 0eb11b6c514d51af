"""`dask:labels` and `dask:annotations` are on every object and pod of a stack, or the object's own of that name."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from components import vocabulary
from components.configuration import parse
from components.lifecycle import adoption
from components.manifests.schedule import created_by
from components.settings.fields import CommonAnnotations, Labels
from components.vocabulary import API_VERSIONS, DASK_API
from tests.contract import operated
from tests.contract.conftest import FEATURES
from tests.contract.rendering import Body, kubernetes, objects, pods, program_objects, targets
from tests.unit.registrations import registered

LABELS, ANNOTATIONS = {"cost-center": "42"}, {"example.com/bill-to": "platform"}
COMMON = {"labels": LABELS, "annotations": ANNOTATIONS}
# Kubernetes, the operator and users create them.
NOT_OURS = {"Event", "Node", "PersistentVolumeClaim", "Pod", "CustomResourceDefinition", "DaskAutoscaler"}


def labelled(raw: dict[str, Any]) -> dict[str, Any]:
    return {**raw, **{key: {**raw.get(key, {}), **more} for key, more in COMMON.items()}}


@pytest.fixture(scope="module")
def created() -> list[Body]:
    """What the program registers for all features, and what the operator makes of it."""
    found = program_objects({name: labelled(raw) for name, raw in FEATURES.items()})
    bodies = [body for made in found.values() for body in made]
    dask = [body for body in bodies if body["apiVersion"] == DASK_API]
    dask += [created_by(body)[0] for body in bodies if body["kind"] == "CronJob"]
    return [*bodies, *(made for body in dask for made in operated.made_of(body))]


def metadata(body: Body) -> Iterator[tuple[str, Body]]:
    """The object's metadata, and those of the pods that come of it."""
    where = f"{body['kind']} {body['metadata']['name']}"
    yield where, body["metadata"]
    spec = body.get("spec", {})
    if "jobTemplate" in spec:
        yield f"{where}'s Job", spec["jobTemplate"]["metadata"]
        for made in created_by(body):
            yield from ((f"{where}'s {what}", meta) for what, meta in metadata(made))
        spec = spec["jobTemplate"]["spec"]
    if "template" in spec:
        yield f"{where}'s pod", spec["template"]["metadata"]
    for path, pod in pods(body):
        for volume in pod.get("volumes", ()):
            if "ephemeral" in volume:
                yield f"{where}, {path}: {volume['name']}", volume["ephemeral"]["volumeClaimTemplate"]["metadata"]


def test_every_object_and_every_pod_has_them(created: list[Body]) -> None:
    found = [(where, meta) for body in created for where, meta in metadata(body)]

    without = [
        where
        for where, meta in found
        for key, wanted in COMMON.items()
        if not wanted.items() <= meta.get(key, {}).items()
    ]
    assert without == []


def test_these_are_all_kinds_of_objects(created: list[Body]) -> None:
    kinds = {body["kind"] for body in created}

    assert kinds >= {"ResourceQuota", "LimitRange", *API_VERSIONS} - NOT_OURS


def test_the_operators_pod_and_account_are_annotated_as_its_chart_allows() -> None:
    with kubernetes():
        release = registered(COMMON | {"clusters": {"a": {}}}).only("Release")

    assert release.inputs["values"]["podAnnotations"] == ANNOTATIONS
    assert release.inputs["values"]["serviceAccount"] == {"annotations": ANNOTATIONS}


def test_what_is_nearer_comes_first() -> None:
    raw = FEATURES["labels and annotations of everything"]
    cluster, other = (body for body in objects(raw) if body["kind"] == "DaskCluster")
    [group] = (body for body in objects(raw) if body["kind"] == "DaskWorkerGroup")
    with kubernetes():
        [namespace] = (it.inputs for it in registered(raw).of_kind("Namespace") if it.parent == "workspace")

    def teams(body: Body) -> set[str]:
        deployed = (made for made in operated.made_of(body) if made["kind"] == "Deployment")
        return {made["spec"]["template"]["metadata"]["labels"]["team"] for made in deployed}

    assert (teams(cluster), teams(group), teams(other)) == ({"lab"}, {"big"}, {"platform"})
    assert {it["metadata"]["labels"]["team"] for it in (cluster, group, other)} == {"platform"}
    assert namespace["metadata"]["labels"]["team"] == "research"


def test_without_the_keys_nothing_changes() -> None:
    """The golden files pin the rest."""
    for raw in FEATURES.values():
        plain = {key: value for key, value in raw.items() if key not in COMMON}

        assert objects(plain | {"labels": {}, "annotations": {}}) == objects(plain)


def test_an_adopted_cluster_is_not_recreated_for_a_label() -> None:
    raw = FEATURES["a cluster of a fixed name with certificates of its own"]
    [before], [after] = (list(targets(parse(one))) for one in (raw, labelled(raw)))

    spec = before.dask_cluster["spec"]
    assert adoption.content(before, spec) == adoption.content(after, spec) == before.content_hash
    assert after.content_hash != before.content_hash  # without `adopt`, its pods have to get the label


def test_a_job_does_not_run_again_for_a_label() -> None:
    raw = FEATURES["jobs"]
    before, after = (
        [it["metadata"]["name"] for it in objects(one) if it["kind"] == "DaskJob"] for one in (raw, labelled(raw))
    )

    assert before == after


WORDS = {
    name
    for name, word in vars(vocabulary).items()
    if name.isupper() and not name.startswith("_") and isinstance(word, str) and re.match(r"[a-z.-]+/", word)
}
LABEL_WORDS = {"NAME", "INSTANCE", "PART_OF", "CLUSTER_NAME", "COMPONENT", "WORKER_GROUP", "NO_SIDECAR"}
ANNOTATION_WORDS = {
    *("OWNER", "ROLE", "VERIFIED", "CRD_CONTENT", "CRD_CHART_VERSION", "LOGIN", "LAST_HANDLED", "PATCH_FORCE"),
    *("SKIP_AWAIT", "RECORD"),
}
# Images and an API version; and a word that users may set, to let a mesh in.
OTHER_WORDS = {"DASK_API", "DASK_IMAGE", "OPERATOR_IMAGE", "NO_PROXY_INJECTED"}


def test_every_word_of_the_vocabulary_is_a_label_or_an_annotation() -> None:
    assert WORDS == LABEL_WORDS | ANNOTATION_WORDS | OTHER_WORDS


@pytest.mark.parametrize(
    ("fields", "name"),
    [(Labels, name) for name in sorted(LABEL_WORDS)] + [(CommonAnnotations, name) for name in sorted(ANNOTATION_WORDS)],
)
def test_no_word_that_the_program_or_the_operator_uses_may_be_set(fields: Any, name: str) -> None:
    with pytest.raises(ValidationError, match="sets itself"):
        TypeAdapter(fields).validate_python({getattr(vocabulary, name): "x"})
