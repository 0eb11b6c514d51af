"""Properties of the names that carry a hash: a number of workers never changes them, anything in a pod always does.

A blue/green update happens exactly when the name changes, so these are what keeps running work alive on a scaling,
and what makes every other change take effect.
"""

from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from components.configuration import parse
from tests.contract.rendering import targets

words = st.from_regex(r"[a-z]([a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
quantities = st.fixed_dictionaries(
    {}, optional={"cpu": st.sampled_from(["500m", "1", "2"]), "memory": st.sampled_from(["1Gi", "2Gi", "1536Mi"])}
)
pods = st.fixed_dictionaries(
    {},
    optional={
        "image": st.builds("registry.example.com/{}:{}".format, words, words),
        "env": st.dictionaries(words.map(str.upper), st.text(max_size=8), max_size=3),
        "packages": st.fixed_dictionaries({"pip": st.lists(words, min_size=1, max_size=3, unique=True)}),
        "resources": quantities,
        "nodeSelector": st.dictionaries(words, words, max_size=2),
        "labels": st.dictionaries(words, words, max_size=2),
        "daskConfig": st.dictionaries(words, st.integers() | st.booleans() | words, max_size=2),
        "volumes": st.lists(
            st.builds(lambda name: {"name": name, "emptyDir": {}, "mountPath": f"/{name}"}, words),
            max_size=2,
            unique_by=lambda volume: volume["name"],
        ),
    },
)
clusters = st.builds(
    lambda cluster, scheduler, workers, tls: (
        cluster | {"scheduler": scheduler, "workers": workers, "tls": {"enabled": tls}}
    ),
    pods,
    pods,
    pods,
    st.booleans(),
)
counts = st.integers(0, 10_000)


def physical_name(cluster: dict[str, Any]) -> str:
    """The name in Kubernetes of a cluster with these settings."""
    [target] = targets(parse({"clusters": {"lab": cluster}}))
    return target.physical_name


def group_name(cluster: dict[str, Any], group: dict[str, Any]) -> str:
    """The name in Kubernetes of a worker group with these settings."""
    [target] = targets(parse({"clusters": {"lab": cluster | {"workerGroups": {"more": group}}}}))
    return target.worker_groups["more"]["metadata"]["name"]


def content(cluster: dict[str, Any]) -> tuple[Any, ...]:
    """What a cluster's pods are made of, with the number of workers left out."""
    [target] = targets(parse({"clusters": {"lab": cluster | {"update": "recreate"}}}))
    spec = target.dask_cluster["spec"]
    spec["worker"].pop("replicas")
    return (spec,)


@settings(deadline=None, max_examples=30)
@given(clusters, counts, counts)
def test_clusters_that_differ_in_the_number_of_workers_share_a_name(
    cluster: dict[str, Any], first: int, second: int
) -> None:
    one, other = (cluster | {"workers": cluster["workers"] | {"replicas": count}} for count in (first, second))

    assert physical_name(one) == physical_name(other)


@settings(deadline=None, max_examples=30)
@given(clusters, st.tuples(counts, counts).map(sorted), st.integers(1, 10_000))
def test_autoscaled_clusters_that_differ_in_their_bounds_share_a_name(
    cluster: dict[str, Any], bounds: list[int], maximum: int
) -> None:
    assume(bounds[1] >= 1)
    plain = cluster | {"tls": {"enabled": False}}
    one = plain | {"workers": plain["workers"] | {"minimum": bounds[0], "maximum": bounds[1]}}
    other = plain | {"workers": plain["workers"] | {"minimum": 0, "maximum": maximum}}

    assert physical_name(one) == physical_name(other)


@settings(deadline=None, max_examples=30)
@given(clusters, clusters)
def test_clusters_share_a_name_exactly_when_their_pods_are_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (physical_name(one) == physical_name(other)) == (content(one) == content(other))


@settings(deadline=None, max_examples=40)
@given(clusters, st.sampled_from(["", "scheduler", "workers"]), pods)
def test_a_cluster_with_one_thing_changed_shares_the_name_only_if_no_pod_changes(
    cluster: dict[str, Any], role: str, change: dict[str, Any]
) -> None:
    changed = cluster | ({role: cluster[role] | change} if role else change)

    assert (physical_name(cluster) == physical_name(changed)) == (content(cluster) == content(changed))


@settings(deadline=None, max_examples=30)
@given(clusters, pods, pods, counts, counts)
def test_a_worker_group_has_a_new_name_exactly_when_its_pods_are_new(
    cluster: dict[str, Any], one: dict[str, Any], other: dict[str, Any], first: int, second: int
) -> None:
    fixed = cluster | {"update": "recreate"}

    names = {group_name(fixed, one | {"replicas": count}) for count in (first, second)}

    assert len(names) == 1
    if group_name(fixed, other) in names:
        [left, right] = (_group_pods(fixed, group) for group in (one, other))
        assert left == right


def _group_pods(cluster: dict[str, Any], group: dict[str, Any]) -> dict[str, Any]:
    [target] = targets(parse({"clusters": {"lab": cluster | {"workerGroups": {"more": group}}}}))
    spec = target.worker_groups["more"]["spec"]["worker"]
    return {key: value for key, value in spec.items() if key != "replicas"}
