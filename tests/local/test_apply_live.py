"""local.apply against a real API server, with a real Job and a real Helm release: part of `make test-live`."""

import base64
import gzip
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from local.live import Cluster
from local.refs import Ref

pytestmark = pytest.mark.live
ROOT = Path(__file__).parents[2]
FIXTURES = Path(__file__).parent / "fixtures"
NAMESPACE = "apply-live"


@pytest.fixture(scope="module")
def cluster(kubernetes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(kubernetes))
        connected = Cluster()
        yield connected
        connected.close()


@pytest.fixture(scope="module")
def project(tmp_path_factory, cluster):
    """The fixture program and its chart in a directory of their own; the stack is taken down in the end."""
    root = tmp_path_factory.mktemp("live")
    (root / "chart").symlink_to(FIXTURES / "chart")
    (root / "small").mkdir()
    for name in ("Pulumi.yaml", "__main__.py"):
        (root / "small" / name).symlink_to(FIXTURES / "small" / name)
    yield root / "small"
    apply(root / "small", "down")


def command(project, action, greeting="hello", **objects):
    config = {"small:namespace": NAMESPACE, "small:greeting": greeting, "small:objects": objects}
    (project / "Pulumi.live.yaml").write_text(yaml.safe_dump({"config": config}))
    return [sys.executable, "-m", "local.apply", action, "--stack", "live", "--cwd", str(project)]


def apply(project, action, **config):
    done = subprocess.run(command(project, action, **config), cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def helm_record(cluster):
    """The newest record of the release: (its Secret, its content)."""
    found = cluster.list("v1", "Secret", NAMESPACE, labelSelector="owner=helm,name=tiny")
    newest = max(found, key=lambda secret: int(secret["metadata"]["labels"]["version"]))
    return newest, json.loads(gzip.decompress(base64.b64decode(base64.b64decode(newest["data"]["release"]))))


@pytest.fixture
def up(project):
    """The stack with a Job and a release, up."""
    code, words = apply(project, "up", job=True, release=True)
    assert code == 0, words
    return words


def test_a_second_up_finds_nothing_to_do(project, up):
    code, words = apply(project, "up", job=True, release=True)

    assert (code, "up: 6 unchanged" in words) == (0, True), words


def test_a_change_updates_the_object_and_the_release_in_place(project, cluster, up):
    code, words = apply(project, "up", job=True, release=True, greeting="ciao")

    made = cluster.get(Ref("v1", "ConfigMap", NAMESPACE, "tiny-made-by-helm"))
    assert code == 0, words
    assert " ~ update  Helm release apply-live/tiny\n       ~ values.greeting: hello -> ciao\n" in words
    assert made is not None
    assert made["data"] == {"greeting": "ciao"}


def test_a_preview_in_a_namespace_that_does_not_exist_is_checked_by_the_server(project, cluster):
    apply(project, "down")

    good, _ = apply(project, "preview", job=True)
    bad, words = apply(project, "preview", extra=["Not_a_name"])

    assert good == 0
    assert bad == 1
    assert 'ConfigMap "Not_a_name" is invalid: metadata.name: Invalid value' in words
    assert cluster.get(Ref("v1", "Namespace", "", NAMESPACE)) is None


def test_a_failed_job_fails_up_with_the_words_of_its_container(project, up):
    code, words = apply(project, "up", job=True, release=True, command="echo no such data file; exit 3")

    assert code == 1
    assert "+- replace Job apply-live/job  (a changed field is immutable)" in words
    assert "container main ended with exit code 3 (Error): no such data file" in words
    assert "Traceback" not in words


def test_what_is_no_longer_registered_goes_the_release_too(project, cluster, up):
    code, words = apply(project, "up")

    assert code == 0, words
    assert " - delete  Job apply-live/job\n" in words
    assert " - delete  Helm release apply-live/tiny\n" in words
    assert cluster.get(Ref("v1", "ConfigMap", NAMESPACE, "tiny-made-by-helm")) is None


def test_an_interrupted_up_ends_at_once_and_the_next_one_goes_on(project, up):
    config = {"job": True, "release": True, "command": "sleep 5"}
    running = subprocess.Popen(command(project, "up", **config), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    words = ""
    while "replace Job" not in words:
        words += running.stdout.readline()

    running.send_signal(signal.SIGINT)
    words += running.communicate(timeout=30)[0]
    code, _ = apply(project, "up", **config)

    assert running.returncode == 130
    assert "Interrupted. What was applied stays, nothing was pruned" in words
    assert code == 0


def test_a_release_that_a_killed_helm_left_pending_is_taken_up_again(project, cluster, up):
    secret, record = helm_record(cluster)
    record["info"]["status"] = "pending-upgrade"
    data = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(record).encode()))).decode()
    body = {"metadata": {"labels": {"status": "pending-upgrade"}}, "data": {"release": data}}
    path = cluster.path(Ref("v1", "Secret", NAMESPACE, secret["metadata"]["name"]))
    cluster.call("PATCH", path, body, "application/merge-patch+json")

    code, words = apply(project, "up", job=True, release=True)

    assert code == 0, words
    assert "dropping revision" in words
    assert helm_record(cluster)[1]["info"]["status"] == "deployed"


def test_an_unknown_field_is_an_error_and_not_pruned_in_silence(cluster):
    ref = Ref("v1", "ConfigMap", "default", "unknown-field")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "unknown-field"}, "datas": {}}

    with pytest.raises(Exception, match="datas"):
        cluster.apply(ref, body, dry_run=True)


def test_down_leaves_nothing(project, cluster, up):
    code, words = apply(project, "down")
    again, _ = apply(project, "down")

    assert (code, again) == (0, 0), words
    assert cluster.get(Ref("v1", "Namespace", "", NAMESPACE)) is None


def test_a_release_of_another_stack_is_refused_and_one_of_nobody_is_taken_over(project, cluster, up):
    secret, _ = helm_record(cluster)
    path = cluster.path(Ref("v1", "Secret", NAMESPACE, secret["metadata"]["name"]))

    def owned_by(owner):
        body = {"metadata": {"labels": {"app.kubernetes.io/part-of": owner}}}
        cluster.call("PATCH", path, body, "application/merge-patch+json")
        return apply(project, "up", job=True, release=True)

    refused, words = owned_by("other-stack")
    taken, note = owned_by(None)

    assert refused == 1
    assert "the release belongs to the stack other-stack" in words
    assert taken == 0, note
    assert "~ update  Helm release apply-live/tiny  (taken over as it is)" in note
    assert helm_record(cluster)[0]["metadata"]["labels"]["app.kubernetes.io/part-of"] == "small-live"
