"""local.apply against an API in memory: outputs, down, and how every kind of error reads."""

import fcntl
import json
from pathlib import Path


def test_outputs_are_json_alone_on_stdout_and_hide_secrets(stack):
    stack("up")

    code, out, err = stack("outputs")
    _, shown, _ = stack("outputs", "--show-secrets")

    assert code == 0
    assert json.loads(out) == {"namespace": "ns", "nodePort": 31234, "password": "[secret]"}
    assert json.loads(shown)["password"] == "swordfish"
    assert "No Pulumi engine" in err


def test_outputs_of_a_stack_that_is_not_up_are_an_error(stack):
    code, out, err = stack("outputs")

    assert (code, out) == (1, "")
    assert "not on the cluster: Namespace ns" in err
    assert "run `make up`" in err


def test_down_removes_everything_and_works_again_when_nothing_is_left(stack, api):
    stack("up", job=True)

    first, out, _ = stack("down")
    second, _, _ = stack("down")

    assert (first, second) == (0, 0)
    assert api.objects == {}
    assert out.index("Job ns/job") < out.index("Namespace ns")


def test_down_works_while_the_config_does_not_suit_the_program(stack, api, tmp_path):
    stack("up")
    (tmp_path / "project" / "__main__.py").write_text("raise SystemExit('broken')")

    code, _, _ = stack("down")

    assert code == 0
    assert api.objects == {}


def test_down_says_what_to_do_when_no_operator_lets_a_cluster_go(stack, api, monkeypatch):
    monkeypatch.setattr("local.cleanup._OPERATOR_GRACE_SECONDS", 0.05)
    stack("up")
    path = "/apis/kubernetes.dask.org/v1/namespaces/ns/daskclusters/a"
    metadata = {"name": "a", "namespace": "ns", "uid": "u", "labels": {"app.kubernetes.io/part-of": "small-test"}}
    metadata |= {"finalizers": ["kopf.zalando.org/KopfFinalizerMarker"], "managedFields": [{"manager": "local-apply"}]}
    api.objects[path] = {"apiVersion": "kubernetes.dask.org/v1", "kind": "DaskCluster", "metadata": metadata}
    api.held.add(path)

    code, out, _ = stack("down")

    assert code == 1
    assert "DaskCluster ns/a waits for the Dask operator to let it go (its finalizer), and no operator is ready" in out
    assert "make down STACK=<stack> ARGS=--force-finalizers" in out
    assert "/api/v1/namespaces/ns" in api.objects


def test_an_error_of_the_program_names_its_place_without_the_sdks_frames(stack, tmp_path):
    (tmp_path / "project" / "__main__.py").write_text("def broken():\n    return 1 / 0\n\nbroken()\n")

    code, out, _ = stack("up")

    assert code == 1
    assert "error: the program failed: ZeroDivisionError: division by zero" in out
    assert "return 1 / 0" in out
    assert "site-packages" not in out


def test_a_message_for_people_is_printed_as_it_is(stack, tmp_path):
    (tmp_path / "project" / "__main__.py").write_text(
        "import pulumi\nraise pulumi.RunError('dask:a: is wrong; do b')\n"
    )

    code, out, _ = stack("up")

    assert code == 1
    assert out.endswith("\nerror: dask:a: is wrong; do b\n")


def test_a_type_that_needs_an_engine_is_refused_by_name(stack, tmp_path):
    program = "import pulumi\npulumi.StackReference('other')\n"
    (tmp_path / "project" / "__main__.py").write_text(program)

    code, out, _ = stack("up")

    assert code == 1
    assert "error: other (pulumi:pulumi:StackReference): this type needs its provider, and so the Pulumi engine" in out


def test_an_api_server_that_does_not_answer_is_named_with_its_kubeconfig(stack, tmp_path, monkeypatch):
    kubeconfig = tmp_path / "elsewhere"
    text = Path(tmp_path / "kubeconfig").read_text()
    server = json.loads(text)["clusters"][0]["cluster"]["server"]
    kubeconfig.write_text(text.replace(server, "http://127.0.0.1:1"))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))

    code, out, _ = stack("up")

    assert code == 1
    assert f"the Kubernetes API server http://127.0.0.1:1 does not answer (kubeconfig {kubeconfig}" in out


def test_two_ups_of_one_stack_at_a_time_are_refused_but_on_another_cluster(stack, tmp_path, monkeypatch):
    assert stack("up")[0] == 0
    [lock] = (tmp_path / "state" / "dask-on-kubernetes").iterdir()
    other = tmp_path / "other"
    other.write_text((tmp_path / "kubeconfig").read_text())
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)

        refused, out, _ = stack("up")
        monkeypatch.setenv("KUBECONFIG", str(other))
        there, _, _ = stack("up")

    assert refused == 1
    assert "another up or down of test runs on this machine" in out
    assert there == 0
