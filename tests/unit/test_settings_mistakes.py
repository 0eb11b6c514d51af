"""What is said of every mistake in a stack's configuration: exact words, all at once, in the order of the file."""

import pytest

from components.configuration import parse
from components.settings.mistakes import ConfigError
from tests.unit.badsettings import CASES, Case
from tests.unit.badsettings.cases import Raw, cluster, scratch

TOLERATION = "dask:clusters.a.tolerations[0]."


def told(raw: Raw) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        parse(raw)
    return refused.value.mistakes


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_mistake_is_told_in_exactly_these_words(case: Case) -> None:
    assert told(case.raw) == [case.message]


def test_one_run_reports_everything_in_the_order_of_the_file() -> None:
    raw = {
        "clusters": {
            "1abc": {
                "image": "A b",
                "workers": {"replicas": "2", "minimum": 3, "maximum": 2},
                "endpoint": {"type": "NodePort", "nodePorts": {"scheduler": 30786, "dashboard": 30786}},
            },
            "b": {"volumes": [scratch("x", "data"), scratch("y", "/data"), scratch("z", "/data")]},
            "c": {"endpoint": {"type": "LoadBalancer", "insecure": True, "nodePorts": {"scheduler": 30786}}},
        },
        "namespace": {"quota": {"cpu": "4"}, "limits": {"cpu": "1"}, "podSecurity": "strict"},
        "strict": "true",
    }

    mistakes = told(raw)

    assert [mistake.split(": ")[0] for mistake in mistakes] == [
        "dask:clusters.1abc",
        "dask:clusters.1abc.image",
        "dask:clusters.1abc.workers.replicas",
        "dask:clusters.1abc.endpoint.type",
        "dask:clusters.1abc.endpoint.nodePorts.dashboard",
        "dask:clusters.b.volumes[0].mountPath",
        "dask:clusters.b.volumes[2].mountPath",
        "dask:clusters.c.endpoint.nodePorts.scheduler",
        "dask:namespace.podSecurity",
        "dask:strict",
    ]


def test_the_whole_message_counts_the_mistakes_and_says_that_nothing_happened() -> None:
    with pytest.raises(ConfigError) as refused:
        parse(cluster(verify=1, protect=2))

    assert str(refused.value) == (
        "2 mistakes in the stack's configuration; nothing was changed:\n"
        "  dask:clusters.a.verify: 1 must be true or false; write true or false\n"
        "  dask:clusters.a.protect: 2 must be true or false; write true or false"
    )


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (cluster(endpoint={"type": "NodePort", "insecure": "yes"}), "dask:clusters.a.endpoint.insecure"),
        (cluster(endpoint={"type": "NodePort", "insecur": True}), "dask:clusters.a.endpoint.insecur"),
        (cluster(endpoint={"type": "NodePort"}, tls="on"), "dask:clusters.a.tls"),
        (cluster(workers={"minimum": "1", "maximum": 3}), "dask:clusters.a.workers.minimum"),
        (cluster(workers={"minimun": 1, "maximum": 3}), "dask:clusters.a.workers.minimun"),
        (
            {"namespace": {"quota": {"cpu": "4"}, "limits": {"cpu": 1}}, "clusters": {"a": {}}},
            "dask:namespace.limits.cpu",
        ),
        (cluster(adopt=True, update="recrate"), "dask:clusters.a.update"),
        (cluster(tolerations=[{"key": "gpu", "tolerationSeconds": "1m"}]), TOLERATION + "tolerationSeconds"),
        (cluster(tolerations=[{"key": "gpu", "operator": "exists", "value": "a b"}]), TOLERATION + "operator"),
    ],
    ids=str,
)
def test_what_only_follows_from_another_mistake_is_not_reported(raw: Raw, place: str) -> None:
    assert [mistake.split(": ")[0] for mistake in told(raw)] == [place]


def test_a_typo_beside_the_right_key_does_not_hide_what_is_wrong_there() -> None:
    mistakes = told({"clusters": {"a": {"endpoint": {"type": "NodePort"}}}, "cluster": {}})

    assert [mistake.split(": ")[0] for mistake in mistakes] == ["dask:clusters.a.endpoint.type", "dask:cluster"]


def test_a_secret_value_is_never_shown() -> None:
    mistakes = told({"secrets": {"storage": {"PIN": 90817, "KEYS": ["s3cr3t"], "MAP": {"k": "s3cr3t"}}}})

    assert len(mistakes) == 3
    assert not any("90817" in mistake or "s3cr3t" in mistake for mistake in mistakes)


def test_an_endless_value_is_cut() -> None:
    (mistake,) = told(cluster(image="A" * 10_000))

    assert len(mistake) < 20_000
    assert "A" * 200 not in mistake.split(" must ")[0]
