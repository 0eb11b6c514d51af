"""A look that only warns stops nothing, whatever it meets."""

import asyncio

import pytest

from components.kube.errors import ClusterError, UnknownClusterError
from components.lifecycle.looks import stopping_nothing


async def look(error: Exception | None) -> list[int]:
    if error:
        raise error
    return [1]


@pytest.mark.parametrize("error", [ClusterError("no permission"), KeyError("spec"), OSError("no route")])
def test_a_failed_look_is_a_warning(error: Exception, logged: list[str]) -> None:
    assert asyncio.run(stopping_nothing(look(error), "a: could not look")) is None

    assert logged == [f"a: could not look: {error}"]


def test_what_is_found_is_passed_on_and_what_cannot_be_known_yet_is_no_warning(logged: list[str]) -> None:
    assert asyncio.run(stopping_nothing(look(None), "a: could not look")) == [1]
    assert asyncio.run(stopping_nothing(look(UnknownClusterError()), "a: could not look")) is None

    assert logged == []
