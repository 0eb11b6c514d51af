"""Mistakes in pod templates that the namespace's Pod Security level would refuse."""

from tests.unit.badsettings.cases import Case
from tests.unit.badsettings.templates import template

LEVELS = [
    Case(
        "a container beside the program's in a restricted namespace",
        template(containers=[{"name": "side", "image": "x:1"}]),
        (
            "dask:clusters.a.podTemplate.containers[0].securityContext: must forbid escalation and drop all "
            "capabilities under pod security 'restricted'; add `securityContext: {allowPrivilegeEscalation: false, "
            "capabilities: {drop: [ALL]}}`"
        ),
        schema=False,
    ),
    Case(
        "a directory of the node by a pod template",
        template(volumes=[{"name": "x", "hostPath": {"path": "/x"}}]),
        (
            "dask:clusters.a.podTemplate.volumes[0].hostPath: is a directory of the node, which pod security "
            "'restricted' forbids; set `dask:namespace.podSecurity: privileged`"
        ),
        schema=False,
    ),
    Case(
        "the node's network under restricted pod security",
        template(hostNetwork=True),
        (
            "dask:clusters.a.podTemplate.hostNetwork: true shares the node's own, which pod security 'restricted' "
            "forbids; set `dask:namespace.podSecurity: privileged`"
        ),
        schema=False,
    ),
    Case(
        "root by a pod template",
        template(securityContext={"runAsUser": 0}),
        (
            "dask:clusters.a.podTemplate.securityContext.runAsUser: 0 is root, which pod security 'restricted' "
            "forbids; use 1000"
        ),
        schema=False,
    ),
]
