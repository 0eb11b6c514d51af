"""What Kubernetes refuses in a pod's tolerations and affinities, with the path within the pod."""

import re
from collections.abc import Iterator
from typing import Any

from ...settings.formats import names
from ...settings.mistakes import Mistake, Path


def toleration(path: Path, given: dict[str, Any]) -> Iterator[Mistake]:
    """https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration."""
    value, exists = given.get("value"), given.get("operator") == "Exists"
    if exists and value:
        yield Mistake("has no meaning for operator Exists", "remove it", (*path, "value"))
    elif value and not re.fullmatch(names.LABEL_VALUE, value):
        rule = "must be a label value, as the values of taints are: at most 63 letters, digits, '-', '_' and '.'"
        yield Mistake(rule, "write the taint's value", (*path, "value"))
    if not given.get("key") and not exists:
        yield Mistake("tolerates nothing without a key", "add `key`, or `operator: Exists` for all taints", path, None)
    if "tolerationSeconds" in given and given.get("effect") != "NoExecute":
        yield Mistake("has a meaning for effect NoExecute only", "remove it", (*path, "tolerationSeconds"))


def expressions(node: Any, path: Path) -> Iterator[Mistake]:
    """The values of `matchExpressions` and `matchFields`, as many as the operator takes."""
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from expressions(item, (*path, index))
    elif isinstance(node, dict):
        count, operator = len(node.get("values") or ()), node.get("operator")
        if operator in ("In", "NotIn") and not count:
            yield Mistake(f"needs `values` for operator {operator}", "add `values`", path, None)
        elif operator in ("Exists", "DoesNotExist") and count:
            yield Mistake(f"have no meaning for operator {operator}", "remove it", (*path, "values"))
        elif operator in ("Gt", "Lt") and count != 1:
            yield Mistake(f"must be one number for operator {operator}", "keep one", (*path, "values"))
        for key, item in node.items():
            yield from expressions(item, (*path, key))
