"""Names, image references and addresses: the edges of what Kubernetes takes, and what is offered instead."""

import re
from collections.abc import Callable

import pytest
from dask_kubernetes.constants import MAX_CLUSTER_NAME_LEN, VALID_CLUSTER_NAME
from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st

from components.settings.formats import addresses, images, names
from components.settings.mistakes import Invalid

QUICK = run(max_examples=40, deadline=None)


def test_the_longest_cluster_name_is_the_operators() -> None:
    assert names.CLUSTER_NAME_LENGTH == MAX_CLUSTER_NAME_LEN


@QUICK
@given(st.from_regex(names.CLUSTER, fullmatch=True))
def test_the_operator_takes_every_cluster_name_that_is_short_enough(name: str) -> None:
    assert names.cluster_name(name) == name
    assert VALID_CLUSTER_NAME.match(name[: names.CLUSTER_NAME_LENGTH].rstrip("-"))


@QUICK
@given(st.text(max_size=80))
def test_what_is_offered_instead_of_a_name_is_a_name(text: str) -> None:
    offered = names.suggestion(text)

    assert names.cluster_name(offered) == offered
    assert len(offered) <= names.VERSIONED_NAME_LENGTH


ACCEPTED: list[tuple[Callable[[str], str], str]] = [
    (names.dns_label, "1abc"),
    (names.dns_label, "a" * 63),
    (names.namespace_name, "2024-team"),
    (names.object_name, "a.b-c.1"),
    (names.env_name, "_x9"),
    (names.secret_key, "tls.key"),
    (names.label_key, "a" * 63),
    (names.label_key, "x.example/" + "a" * 63),
    (names.own_label_key, "app.kubernetes.io/version"),
    (names.own_label_key, "mydask.org/x"),
    (names.label_value, ""),
    (images.image, "dask"),
    (images.image, "localhost:5000/a/b__c/d--e:v1.0_x-Y"),
    (images.image, f"ghcr.io/dask/dask:1@sha256:{'a' * 64}"),
    (images.image, "a-a" * 20 + ":1"),
    (addresses.host, "auto"),
    (addresses.host, "Dask.Example.COM"),
    (addresses.host, "::1"),
    (addresses.cidr, "0.0.0.0/0"),
    (addresses.cidr, "2001:db8::/32"),
    (addresses.url, "oci://ghcr.io/dask/charts"),
]
REFUSED: list[tuple[Callable[[str], str], str]] = [
    (names.dns_label, "a" * 64),
    (names.dns_label, "a\n"),
    (names.cluster_name, "1abc"),
    (names.cluster_name, "ä"),
    (names.group_name, "default"),
    (names.namespace_name, "kube-public"),
    (names.object_name, "a..b"),
    (names.object_name, "a" * 254),
    (names.env_name, "A-B"),
    (names.env_name, "Ä"),
    (names.secret_key, ".."),
    (names.label_key, "a" * 64),
    (names.label_key, "/a"),
    (names.label_key, "A.example/a"),
    (names.own_label_key, "dask.org/x"),
    (names.own_label_key, "kubernetes.dask.org/x"),
    (names.own_label_key, "sidecar.istio.io/inject"),
    (names.label_value, "a b"),
    (images.image, "a-:1"),
    (images.image, "a:"),
    (images.image, f"a@sha256:{'a' * 63}"),
    (images.image, "a:1\n"),
    (images.image_tag, "a/b"),
    (addresses.host, "a_b"),
    (addresses.host, "1.2.3"),
    (addresses.host, "dask:8786"),
    (addresses.cidr, "10.0.0.0/255.0.0.0"),
    (addresses.cidr, "10.0.0.0/33"),
    (addresses.url, "ghcr.io/dask"),
]


@pytest.mark.parametrize(("check", "text"), ACCEPTED)
def test_what_kubernetes_takes_is_accepted_as_it_is(check: Callable[[str], str], text: str) -> None:
    assert check(text) == text


@pytest.mark.parametrize(("check", "text"), REFUSED)
def test_what_kubernetes_refuses_is_refused(check: Callable[[str], str], text: str) -> None:
    with pytest.raises(Invalid):
        check(text)


@pytest.mark.parametrize(
    ("image", "floats"),
    [
        ("dask", True),
        ("host:5000/dask", True),
        ("dask:latest", True),
        ("dask:1", False),
        (f"d@sha256:{'0' * 64}", False),
    ],
)
def test_an_image_floats_without_a_version_and_a_digest(image: str, floats: bool) -> None:
    assert images.is_floating(image) is floats


def test_the_same_content_has_the_same_name_whatever_its_order() -> None:
    name = names.versioned("a", {"x": 1, "y": [1, "ä"]})

    assert name == names.versioned("a", {"y": [1, "ä"], "x": 1})
    assert name != names.versioned("a", {"x": 1, "y": ["ä", 1]})
    assert re.fullmatch(r"a-[0-9a-f]{8}", name)
