"""Validates settings and reports every mistake at once, in the order of the file.

Rules across fields only make sense on valid fields. A value that pydantic rejects is therefore replaced by UNKNOWN, and
the rules run on the rest: a rule that reads something UNKNOWN ends there. So no rule has to declare what it depends on,
and none reports what only follows from another mistake.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ...settings.checks.messages import Path, Rule, Rules, broken_rule, finding, nearest
from ...settings.checks.paths import at, example, fields, model_at, parts, position

M = TypeVar("M", bound=BaseModel)
# The context of a validation. Without one, as in `Cluster(...)`, everything is checked at once.
FIELDS_ONLY = "no checks across fields yet"
VALUES_ONLY = "nor of keys: they have been reported"


class Unknown(Exception):
    """A check has read a value that was already reported as a mistake."""


class _Unknown:
    def _stop(self, *_: Any) -> Any:
        raise Unknown

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = _stop  # type: ignore[assignment]
    __len__ = __iter__ = __contains__ = __getitem__ = __getattr__ = __str__ = __fspath__ = __or__ = __ror__ = _stop


UNKNOWN: Any = _Unknown()


def known(check: Callable[..., Iterable[Rule]], *args: Any) -> Iterator[Rule]:
    """What `check` finds before it reads something UNKNOWN."""
    try:
        yield from check(*args)
    except Unknown:
        return


def checked(
    model: type[M],
    raw: Mapping[str, Any],
    unread: Iterable[str] = (),
    more: Iterable[Callable[[Any], Iterable[Rule]]] = (),
) -> tuple[M | None, list[str]]:
    """The object, and every mistake.

    `unread` are top-level keys that exist and must not be read; `more` are rules for the whole object.
    """
    values = json.loads(json.dumps(raw))
    found: list[tuple[Path, str]] = []
    unknown: list[Path] = [(key,) for key in unread]
    made = None
    for context in (FIELDS_ONLY, VALUES_ONLY):
        try:
            made = model.model_validate_json(json.dumps(values), context=context)
            break
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                found += _lines(detail, model)
                unknown += _take_out(detail, values, model)
    if made is not None:
        for path in unknown:
            _mark(made, path)
        found += (line for line in _across(made, values, more) if line[0] not in unknown)
    ordered = sorted(found, key=lambda line: position(raw, line[0]))
    return made, list(dict.fromkeys(text for _, text in ordered))


def _lines(detail: ErrorDetails, model: type[BaseModel]) -> Iterator[tuple[Path, str]]:
    """The message for one of pydantic's findings."""
    path, cause = detail["loc"], detail.get("ctx", {}).get("error")
    if isinstance(cause, Rules):
        yield from ((path, _line(rule, path, detail["input"])) for rule in cause.rules)
    elif detail["type"] == "rule":
        yield path, broken_rule(path, detail.get("ctx", {}), detail["input"])
    else:
        place = model_at(model, path[:-1])
        yield path, finding(detail, list(fields(place)) if place else [], example(model, path))


def _line(rule: Rule, path: Path, values: Any) -> str:
    """The message for a rule that the object at `path` breaks."""
    context = rule.context or {}
    return broken_rule((*path, *context["path"]), context, at(values, context["path"]))


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
    for part in path:
        if isinstance(node, BaseModel):
            if part not in fields(type(node)):
                return
            holder = node, fields(type(node))[str(part)][0]
            node = node.__dict__[holder[1]]
        elif isinstance(node, dict) and any(isinstance(item, BaseModel) for item in node.values()):
            if part not in node:
                return
            node = node[part]
        else:
            node = node[part] if isinstance(node, tuple) and isinstance(part, int) and part < len(node) else None
    if holder:
        vars(holder[0])[holder[1]] = UNKNOWN


def _across(made: BaseModel, values: Any, more: Iterable[Any]) -> Iterator[tuple[Path, str]]:
    """Broken rules across valid fields, and keys without a value."""
    for path, part in parts(made):
        given = at(values, path)
        for key in fields(type(part)):
            if isinstance(given, dict) and key in given and given[key] is None:
                empty = Rule("is empty", "give it a value, or remove the line", (key,), None)
                yield (*path, key), _line(empty, path, given)
        for check in (*getattr(part, "checks", ()), *(more if part is made else ())):
            for rule in known(check, part):
                yield (*path, *(rule.context or {})["path"]), _line(rule, path, given)
