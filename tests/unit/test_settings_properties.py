"""What holds for all input: accepted settings are accepted, and nothing but a ConfigError comes out of the rest."""

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as run
from hypothesis import strategies as st

from tests.unit.badsettings.cases import mistakes
from tests.unit.strategies import Raw, settings

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
QUICK = run(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in `value` with each of its keys."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(item, dict | list):
            yield from places(item)


@QUICK
@given(settings())
def test_generated_settings_are_accepted(raw: Raw) -> None:
    assert mistakes(raw) == []


@QUICK
@given(st.dictionaries(st.text(max_size=10), JSON, max_size=4))
def test_any_json_is_accepted_or_refused_in_words(raw: Raw) -> None:
    assert all(mistake.startswith("dask:") for mistake in mistakes(raw))


@QUICK
@given(settings(), st.data())
def test_a_stack_with_anything_in_it_replaced_is_accepted_or_refused_in_words(raw: Raw, data: st.DataObject) -> None:
    raw = copy.deepcopy(raw)
    for _ in range(data.draw(st.integers(1, 4))):
        holder, key = data.draw(st.sampled_from(list(places(raw))))
        if data.draw(st.booleans()) or not isinstance(holder, dict):
            holder[key] = data.draw(JSON)
        else:
            holder[data.draw(st.text(max_size=6))] = holder.pop(key)
        if not list(places(raw)):
            break

    assert all(mistake.startswith("dask:") for mistake in mistakes(raw))
