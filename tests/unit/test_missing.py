"""What pods refer to and nobody has created yet is waited for and named, unless the stack itself has created it."""

import asyncio
from typing import Any

import pytest

from components.kube.errors import ClusterError
from components.kube.pods import Trouble
from components.lifecycle import jobs, missing, readiness
from components.lifecycle import pod_watch as podwatch
from components.manifests.declared import DeclaredCluster
from tests.support.declared import declared, declared_job
from tests.unit.pods import DEPLOYMENTS, EVENTS, Place, pod, running

CORE = "api/v1/namespaces/lab"


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    made = Place(monkeypatch)
    made.api.answers["api/v1/pods"] = {"items": [pod("operator")]}
    return made


def cluster(**settings: Any) -> DeclaredCluster:
    given = {"workers": {"replicas": 1}, "readyTimeout": "5m", "tls": {"enabled": True}}
    return declared("a", given | settings, service_accounts=("lake",), secrets=(("db", "db-12345678"),))


def waits(place: Place, made: DeclaredCluster, *more: Trouble) -> str:
    """The error that the wait for the cluster's pods ends with; empty if they start."""

    async def others() -> list[Trouble]:
        return list(more)

    async def pods() -> None:
        async with podwatch.watching(place.api, made, podwatch.all_pods(made)) as watch:  # type: ignore[arg-type]
            await readiness.await_pods(watch, others)

    try:
        asyncio.run(pods())
    except ClusterError as error:
        return str(error)
    return ""


def stuck(made: DeclaredCluster, reason: str, message: str) -> list[dict[str, Any]]:
    """The cluster's pods, of which the scheduler's does not start."""
    first, *others = running(made)
    first["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": reason, "message": message}}
    return [first, *others]


def unschedulable(made: DeclaredCluster, message: str) -> list[dict[str, Any]]:
    first, *others = running(made)
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return [first | {"status": {"conditions": [condition]}}, *others]


def event(kind: str, name: str, reason: str, message: str) -> dict[str, Any]:
    return {"involvedObject": {"kind": kind, "name": name}, "reason": reason, "message": message}


def refused(made: DeclaredCluster, message: str) -> dict[str, Any]:
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    labels = {"dask.org/component": "scheduler"}
    return {"metadata": {"name": made.scheduler_name, "labels": labels}, "status": {"conditions": [condition]}}


def lack(place: Place, made: DeclaredCluster, what: str, name: str) -> str:
    """Makes the scheduler's pod lack an object of this name, and returns its kind."""
    if what == "envFrom of a Secret":
        place.pods = lambda _: stuck(made, "CreateContainerConfigError", f'secret "{name}" not found')
    elif what == "envFrom of a ConfigMap":
        place.pods = lambda _: stuck(made, "CreateContainerConfigError", f'configmap "{name}" not found')
        return "ConfigMap"
    elif what == "a claim":
        words = (
            f'0/1 nodes are available: persistentvolumeclaim "{name}" not found. preemption: 0/1 nodes are available'
        )
        place.pods = lambda _: unschedulable(made, words)
        return "PersistentVolumeClaim"
    elif what == "a service account":
        words = f'pods "x" is forbidden: error looking up service account lab/{name}: serviceaccount "{name}" not found'
        place.pods = lambda _: running(made)[1:]
        place.api.answers[DEPLOYMENTS] = {"items": [refused(made, words)]}
        return "ServiceAccount"
    else:
        reports = {
            "a volume": ("FailedMount", f'MountVolume.SetUp failed for volume "s" : secret "{name}" not found'),
            "a pull secret": (
                "FailedToRetrieveImagePullSecret",
                f"Unable to retrieve some image pull secrets ({name}); attempting to pull the image may not succeed.",
            ),
        }
        reason = "ContainerCreating" if what == "a volume" else "ImagePullBackOff"
        place.pods = lambda _: stuck(made, reason, "")
        place.api.answers[EVENTS] = {"items": [event("Pod", "scheduler-1", *reports[what])]}
    return "Secret"


FAMILY = [
    "envFrom of a Secret",
    "envFrom of a ConfigMap",
    "a volume",
    "a claim",
    "a service account",
    "a pull secret",
]


@pytest.mark.parametrize("what", FAMILY)
def test_what_somebody_else_is_about_to_create_is_waited_for_and_named(place: Place, what: str) -> None:
    made = cluster()
    kind = lack(place, made, what, "coming")

    words = waits(place, made)

    named = f"the {kind} 'coming' is missing in the namespace 'lab': pods wait for it: create it, or correct the name"
    assert place.told.count(f"a: still waiting: {named}") == 1
    assert "after 5m (readyTimeout): " in words
    assert named in words
    assert place.now - 100 >= 300


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("envFrom of a Secret", "db-12345678"),
        ("a volume", "a-tls-1"),
        ("a service account", "lake"),
        ("a pull secret", "db-12345678"),
    ],
)
def test_what_the_stack_has_created_is_not_waited_for(place: Place, what: str, name: str) -> None:
    made = cluster()
    kind = lack(place, made, what, name)

    words = waits(place, made)

    assert words.startswith(
        f"the cluster 'a' cannot become ready: the {kind} '{name}' is missing in the namespace 'lab': this stack has "
        "created it: something has deleted it, and the next `up` creates it again"
    )
    assert place.now - 100 < 20


@pytest.mark.parametrize("what", ["envFrom of a Secret", "a volume", "a pull secret"])
def test_what_exists_by_now_is_noticed_at_the_next_attempt(place: Place, what: str) -> None:
    """kubelet's words are those of its last attempt, and the next one may be minutes away."""
    made = cluster()
    lack(place, made, what, "a-tls-1")
    place.api.answers[f"{CORE}/secrets/a-tls-1"] = {"metadata": {"name": "a-tls-1"}}
    before = place.pods
    place.pods = lambda now: (
        running(made) if now > 60 else (stuck(made, "ContainerCreating", "") if now > 5 else before(now))
    )

    assert waits(place, made) == ""
    assert place.now - 100 > 60


@pytest.mark.parametrize("status", [403, 404])
def test_what_may_not_be_read_is_as_missing_as_kubelet_says(place: Place, status: int) -> None:
    made = cluster()
    lack(place, made, "envFrom of a Secret", "coming")
    place.api.answers[f"{CORE}/secrets/coming"] = status

    assert "the Secret 'coming' is missing" in waits(place, made)


def test_it_is_named_once_however_many_pods_wait(place: Place) -> None:
    troubles = [
        Trouble(f"pod {number}", "CreateContainerConfigError", 'secret "coming" not found', fatal=True)
        for number in range(50)
    ]

    found = asyncio.run(missing.named(place.api, cluster(), troubles))  # type: ignore[arg-type]

    assert [it.where for it in found] == ["the Secret 'coming' is missing in the namespace 'lab'"]


def test_a_wrong_image_is_fatal_where_its_credentials_exist(place: Place) -> None:
    made = cluster()
    place.pods = lambda _: stuck(made, "ImagePullBackOff", "not found")

    assert "ImagePullBackOff" in waits(place, made)
    assert place.now - 100 < 20


def test_a_missing_key_of_a_secret_is_fatal(place: Place) -> None:
    made = cluster()
    place.pods = lambda _: stuck(made, "CreateContainerConfigError", "couldn't find key TOKEN in Secret lab/coming")

    assert "couldn't find key TOKEN" in waits(place, made)
    assert place.now - 100 < 20


@pytest.mark.parametrize(("name", "waited"), [("coming", True), ("db-12345678", False)])
def test_a_job_waits_as_well(place: Place, name: str, *, waited: bool) -> None:
    made = declared_job("once", {"runner": {"script": "pass"}, "timeout": "5m"}, secrets=(("db", "db-12345678"),))
    waiting = {"reason": "CreateContainerConfigError", "message": f'secret "{name}" not found'}
    runner = {
        "metadata": {"name": f"{made.physical_name}-runner"},
        "status": {
            "phase": "Pending",
            "containerStatuses": [{"name": "job", "state": {"waiting": waiting}, "restartCount": 0}],
        },
    }
    place.pods = lambda _: [runner]

    with pytest.raises(ClusterError) as error:
        asyncio.run(jobs.await_end(jobs.Connection(), made))

    assert f"the Secret '{name}' is missing in the namespace 'lab'" in str(error.value)
    assert (place.now - 100 >= 290) == waited
    assert any("pods wait for it" in line for line in place.told) == waited


def test_of_a_secret_of_cert_manager_the_certificate_says_why(place: Place) -> None:
    made = cluster(tls={"enabled": True, "issuer": {"name": "own"}})
    name = made.context.tls_secrets["scheduler"]
    lack(place, made, "a volume", name)

    words = waits(place, made)

    why = f"cert-manager creates it, and `kubectl describe certificate -n lab {name}` says what it waits for"
    assert f"the Secret '{name}' is missing in the namespace 'lab': pods wait for it: {why}" in words
    assert place.now - 100 >= 300
