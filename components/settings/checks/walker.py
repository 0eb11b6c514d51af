"""Validates a configuration and finds every mistake at once, in the order of the file.

pydantic stops short of rules across fields as soon as one field is invalid, and such rules make sense on valid fields
only. So the walker works in three steps:

1. It lets pydantic validate the values. Whatever pydantic rejects is reported and taken out of the values (a required
   field gets its example instead), and its path is remembered. Then the rest is valid, and pydantic makes models of it.
2. In these models it puts UNKNOWN at every remembered path. UNKNOWN cannot be used: reading, comparing or converting it
   raises `Unknown`.
3. It walks the models, outer ones first, and runs each rule on each model of its class until the rule ends, or until it
   reads something UNKNOWN. Mistakes that the rule found before are kept.

So no rule declares what it depends on, none guards against invalid values, and none reports what only follows from
another mistake. A rule that looks at several things one after another, and continues after one that is UNKNOWN,
wraps the look at each of them in `until_unknown`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ...settings.checks.findings import finding
from ...settings.checks.paths import at, example, fields, model_at, parts, position
from ...settings.fields import KEYS_ARE_REPORTED
from ...settings.mistakes import AS_WRITTEN, Invalid, Mistake, Path, nearest

M = TypeVar("M", bound=BaseModel)
Rule = Callable[..., Iterable[Mistake]]
Rules = Mapping[type[Any], Sequence[Rule]]
"""The rules of each class of models. A rule yields the mistakes that it finds, with paths below the model."""


class Unknown(Exception):
    """A rule has read a value that was already reported as a mistake."""


class _Unknown:
    def _stop(self, *_: Any) -> Any:
        raise Unknown

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = _stop  # type: ignore[assignment]
    __len__ = __iter__ = __contains__ = __getitem__ = __getattr__ = __str__ = __fspath__ = __or__ = __ror__ = _stop


UNKNOWN: Any = _Unknown()


def until_unknown(rule: Rule, *args: Any) -> Iterator[Mistake]:
    """What the rule finds before it reads something UNKNOWN."""
    try:
        yield from rule(*args)
    except Unknown:
        return


def is_known(value: Any) -> bool:
    """Whether nothing in a model, mapping or list is UNKNOWN."""
    if isinstance(value, BaseModel):
        return all(map(is_known, vars(value).values()))
    if isinstance(value, dict):
        return all(map(is_known, value.values()))
    if isinstance(value, list | tuple):
        return all(map(is_known, value))
    return value is not UNKNOWN


def check(
    model: type[M], raw: Mapping[str, Any], alone: Rules, within: Rules, unread: Iterable[str] = ()
) -> tuple[M | None, list[Mistake]]:
    """The model, or None if its own keys are invalid, and every mistake with its full path and its value.

    Rules in `alone` get one model, rules in `within` get it and the whole configuration. `unread` are top-level keys
    that exist and must not be read.
    """
    values = json.loads(json.dumps(raw))
    found: list[Mistake] = []
    unknown: list[Path] = [(key,) for key in unread]
    made = None
    for context in (None, KEYS_ARE_REPORTED):
        try:
            made = model.model_validate_json(json.dumps(values), context=context)
            break
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                found += _rejected(detail, model)
                unknown += _take_out(detail, values, model)
    if made is not None:
        for path in unknown:
            _mark(made, path)
        found += (mistake for mistake in _across(made, values, alone, within) if mistake.path not in unknown)
    return made, sorted(found, key=lambda mistake: position(raw, mistake.path))


def _rejected(detail: ErrorDetails, model: type[BaseModel]) -> Iterator[Mistake]:
    """The mistakes behind one of pydantic's findings."""
    path, cause = detail["loc"], detail.get("ctx", {}).get("error")
    if isinstance(cause, Invalid):
        yield from (_placed(mistake, path, detail["input"]) for mistake in cause.mistakes)
    else:
        place = model_at(model, path[:-1])
        yield finding(detail, list(fields(place)) if place else [], example(model, path))


def _placed(mistake: Mistake, path: Path, written: Any) -> Mistake:
    """The mistake with its full path. `written` is what the configuration has at `path`."""
    value = at(written, mistake.path) if mistake.value is AS_WRITTEN else mistake.value
    return Mistake(mistake.rule, mistake.fix, (*path, *mistake.path), value)


def _take_out(detail: ErrorDetails, values: Any, model: type[BaseModel]) -> Iterator[Path]:
    """Removes the rejected value from `values`, and yields the paths that are now unknown."""
    path = detail["loc"]
    if path and path[-1] == "[key]":
        return
    if detail["type"] == "extra_forbidden" and (place := model_at(model, path[:-1])):
        meant = nearest(str(path[-1]), list(fields(place)))
        if meant and meant not in (at(values, path[:-1]) or ()):
            yield (*path[:-1], meant)
    while path and isinstance(path[-1], int):
        path = path[:-1]
    holder = at(values, path[:-1])
    if path and isinstance(holder, dict):
        holder.pop(path[-1], None)
        if (instead := example(model, path)) is not None:
            holder[path[-1]] = instead
    yield path


def _mark(made: BaseModel, path: Path) -> None:
    """Puts UNKNOWN into the innermost field on the path. A missing entry among models leaves the others as they are."""
    node: Any = made
    holder: tuple[BaseModel, str] | None = None
    for step in path:
        if isinstance(node, BaseModel):
            if step not in fields(type(node)):
                return
            holder = node, fields(type(node))[str(step)][0]
            node = node.__dict__[holder[1]]
        elif isinstance(node, dict) and any(isinstance(item, BaseModel) for item in node.values()):
            if step not in node:
                return
            node = node[step]
        else:
            node = node[step] if isinstance(node, tuple) and isinstance(step, int) and step < len(node) else None
    if holder:
        vars(holder[0])[holder[1]] = UNKNOWN
        holder[0].__pydantic_fields_set__.add(holder[1])


def _across(made: BaseModel, values: Any, alone: Rules, within: Rules) -> Iterator[Mistake]:
    """Broken rules across valid fields, and keys without a value."""
    for path, part in parts(made):
        given = at(values, path)
        for key in fields(type(part)):
            if isinstance(given, dict) and key in given and given[key] is None:
                yield Mistake("is empty", "give it a value, or remove the line", (*path, key), None)
        for kind in reversed(type(part).__mro__):
            for rule in alone.get(kind, ()):
                yield from (_placed(mistake, path, given) for mistake in until_unknown(rule, part))
            for rule in within.get(kind, ()):
                yield from (_placed(mistake, path, given) for mistake in until_unknown(rule, part, made))
