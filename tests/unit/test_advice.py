"""Advice is followed: what a message tells people to write is accepted."""

import pytest

from tests.unit.badsettings import CASES, Case
from tests.unit.badsettings.advice import ways
from tests.unit.badsettings.cases import Raw, mistakes

FOLLOWED = [(case, found) for case in CASES if (found := ways(case))]


@pytest.mark.parametrize(("case", "tried"), FOLLOWED, ids=lambda it: it.name if isinstance(it, Case) else "")
def test_who_follows_the_advice_is_accepted(case: Case, tried: list[Raw]) -> None:
    assert [] in [mistakes(raw) for raw in tried], [mistakes(raw) for raw in tried]


def test_most_advice_can_be_followed_without_thinking() -> None:
    assert len(FOLLOWED) > 0.6 * len(CASES)
