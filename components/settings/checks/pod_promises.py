"""What the program relies on in its own containers. The rules hold for a pod as it is rendered, `podTemplate` included.

`plain` is the pod without its `podTemplate`. Each rule carries its path within the pod.
"""

import ast
import re
import shlex
from collections.abc import Iterator
from typing import Any

from ...settings.dask_config import RESERVED_ENV, encrypts
from ...settings.mistakes import Mistake, Path
from ...vocabulary import COMM, DASHBOARD, NOTEBOOK_PORT, TLS_VOLUME

Spec = dict[str, Any]
_OWN: Path = ("containers", 0)
_LISTENS = "would make it listen where neither probes nor other pods connect"
_SECURE = "would change the encryption, which `tls` sets up"
_HIDES = "would move or remove `/health`, which the probes request"
# Options that would move what the rest of the program looks for: why, and what to do instead.
_OPTIONS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("--host", "--interface", "--listen-address", "--contact-address"), (_LISTENS, "remove it")),
    **dict.fromkeys(("--protocol", "--tls-ca-file", "--tls-cert", "--tls-key"), (_SECURE, "use `tls`")),
    **dict.fromkeys(("--dashboard-prefix", "--no-dashboard"), (_HIDES, "remove it")),
    "--dashboard-address": (_HIDES, "set `dashboardPort`"),
    "--port": (_LISTENS, "set `port`"),
    "--worker-port": ("would open a port that the pod does not name", "set `port`"),
    "--name": ("would change the workers' names, which are needed to retire them", "remove it"),
    **dict.fromkeys(
        ("--nworkers", "--nprocs"), ("would change how many workers a pod has", "remove it, and set `processes`")
    ),
    "--scheduler-file": ("would lead to another scheduler", "remove it"),
    **dict.fromkeys(("--help", "--version"), ("ends the process at once", "remove it")),
}
_ROUTES = {
    "scheduler": (
        "DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES",
        ("distributed.http.health", "distributed.http.scheduler.json"),
    ),
    "worker": ("DASK_DISTRIBUTED__WORKER__HTTP__ROUTES", ("distributed.http.health",)),
}


def broken(plain: Spec, pod: Spec, extra: int, *, tls: bool) -> Iterator[Mistake]:
    """What the pod has lost. `extra`: how many of the plain pod's last arguments are the user's."""
    before, box = plain["containers"][0], pod["containers"][0]
    role = before["name"]
    if box.get("image") != before.get("image"):
        yield Mistake("is not the image that clients and the verify Job use", "move it to `image`", (*_OWN, "image"))
    yield from _variables(before, box, tls=tls)
    if role == "job":
        if pod.get("restartPolicy") != "Never":
            yield Mistake("must be Never, because the runner's end is the job's end", "remove it", ("restartPolicy",))
        return
    if role != "notebook":
        yield from _arguments(before, box, extra)
        yield from _routes(role, box)
    yield from _named_ports(before, box)
    yield from _host_aliases(plain, pod)
    if tls:
        yield from _certificates(plain, pod)
    if role == "worker":
        yield from _departure(plain, pod)


def _host_aliases(plain: Spec, pod: Spec) -> Iterator[Mistake]:
    """The name that the dashboard listens on stands for all addresses."""
    live = {alias.get("ip"): alias.get("hostnames") or () for alias in pod.get("hostAliases", ())}
    for alias in plain.get("hostAliases", ()):
        if not {*alias["hostnames"]} <= {*live.get(alias["ip"], ())}:
            rule = f"must keep '{alias['hostnames'][0]}' for {alias['ip']}, on which the dashboard listens"
            yield Mistake(rule, "remove it", ("hostAliases",), None)
            return


def _variables(before: Spec, box: Spec, *, tls: bool) -> Iterator[Mistake]:
    ours = {variable["name"]: variable for variable in before["env"]}
    for index, variable in enumerate(box["env"]):
        name = variable["name"]
        if variable != ours.get(name) and name in RESERVED_ENV:
            yield Mistake(f"cannot set {name}: {RESERVED_ENV[name]}", "remove it", (*_OWN, "env", index), None)
        elif variable != ours.get(name) and tls and encrypts(name):
            rule = f"cannot set {name}, which the program sets, because tls is enabled"
            yield Mistake(rule, "remove it", (*_OWN, "env", index), None)


def _arguments(before: Spec, box: Spec, extra: int) -> Iterator[Mistake]:
    own = _options(before["args"][: len(before["args"]) - extra], "args")
    ours = {option: value for option, value, _ in own}
    live = [*_options(box.get("command", []), "command"), *_options(box.get("args", []), "args")]
    role, kept = before["name"], set[str]()
    for option, value, path in live:
        if option in ours and _same(option, value, ours[option]):
            kept.add(option)
        elif option in _OPTIONS and not (role == "scheduler" and option == "--name"):
            rule, fix = _OPTIONS[option]
            yield Mistake(rule, fix, path)
        elif re.match(r"[a-z]+://", option):
            yield Mistake("is a second address of a scheduler", "remove it", path)
    # Without `--host` a worker finds its IPv4 address by itself.
    lost = ours.keys() & _OPTIONS.keys() - kept - {option for option, _, _ in live} - {"--host"}
    if lost:
        line = " ".join(f"{option} {ours[option]}" for option in ours if option in lost)
        rule = f"must keep `{line}`, on which the rest of the program relies"
        yield Mistake(rule, "use `extraArgs` to add arguments, or repeat them here", (*_OWN, "args"), None)


def _options(words: list[Any], field: str) -> list[tuple[str, str, Path]]:
    """Options with their value, other words with "". A text with spaces is a command line in itself."""
    flat: list[tuple[str, Path]] = []
    for index, word in enumerate(words):
        flat += [(part, (*_OWN, field, index)) for part in _words(str(word))]
    pairs = zip(flat, [*(word for word, _ in flat[1:]), ""], strict=False)
    return [
        (word.partition("=")[0], word.partition("=")[2] if word.startswith("-") and "=" in word else after, path)
        for (word, path), after in pairs
    ]


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text) if re.search(r"\s", text) else [text]
    except ValueError:
        return text.split()


def _same(option: str, value: str, ours: str) -> bool:
    if option == "--name":
        return re.fullmatch(r"\$[({]?DASK_WORKER_NAME[)}]?", value) is not None
    if option == "--dashboard-address":
        return value.rpartition(":")[2] == ours.rpartition(":")[2]
    return value == ours


def _routes(role: str, box: Spec) -> Iterator[Mistake]:
    """The probes request `/health`, and a drain requests the scheduler's `/json/counts.json`."""
    name, needed = _ROUTES[role]
    for index, variable in enumerate(box["env"]):
        if variable["name"] != name or "value" not in variable:
            continue
        try:
            given = ast.literal_eval(variable["value"])
        except (SyntaxError, ValueError):
            given = [variable["value"]]
        if lacks := [route for route in needed if route not in given]:
            rule = f"must contain {' and '.join(lacks)}, which the program requests"
            yield Mistake(rule, f"add {' and '.join(map(repr, lacks))} to it", (*_OWN, "env", index, "value"))


def _named_ports(before: Spec, box: Spec) -> Iterator[Mistake]:
    settings = {COMM: "port", DASHBOARD: "dashboardPort", NOTEBOOK_PORT: "port"}
    for port in before["ports"]:
        name, number = port["name"], port["containerPort"]
        if not any(it.get("name") == name and it["containerPort"] == number for it in box["ports"]):
            rule = f"replaces port {number}, called '{name}', which probes and Services refer to"
            other = next(
                i for i, it in enumerate(box["ports"]) if it["containerPort"] == number or it.get("name") == name
            )
            yield Mistake(rule, f"remove it, or set `{settings[name]}`", (*_OWN, "ports", other), None)


def _certificates(plain: Spec, pod: Spec) -> Iterator[Mistake]:
    for field, holder, base, path in (
        ("volumes", pod, plain, ()),
        ("volumeMounts", pod["containers"][0], plain["containers"][0], _OWN),
    ):
        ours = [item for item in base[field] if item["name"] == TLS_VOLUME]
        for index, item in enumerate(holder[field]):
            taken = item.get("name") == TLS_VOLUME or item.get("mountPath") in [it.get("mountPath", "") for it in ours]
            if taken and item not in ours:
                yield Mistake("belongs to the certificates", "choose another", (*path, field, index), None)


def _departure(plain: Spec, pod: Spec) -> Iterator[Mistake]:
    """A worker hands over its data in its preStop, within its grace period."""
    given = pod.get("terminationGracePeriodSeconds")
    if given != plain["terminationGracePeriodSeconds"]:
        rule = "would cut off the worker while it hands over its data"
        fix = f"set `terminationGracePeriod: {given or 1}s`"
        yield Mistake(rule, fix, ("terminationGracePeriodSeconds",))
    before, box = plain["containers"][0], pod["containers"][0]
    if box.get("lifecycle", {}).get("preStop") != before["lifecycle"]["preStop"]:
        rule = "replaces the hook that hands over a worker's data"
        yield Mistake(rule, "remove it", (*_OWN, "lifecycle", "preStop"), None)
