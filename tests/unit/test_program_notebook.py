"""What the whole program registers and exports for notebooks and prices."""

from typing import Any

from tests.unit.conftest import NODE, Program
from tests.unit.registrations import Recording, Registration

SIZE = {"resources": {"cpu": "1", "memory": "2Gi"}, "workers": {"minimum": 0, "maximum": 9}}


def objects(recording: Recording) -> dict[str, Registration]:
    """The notebook's, by kind."""
    found = [it for it in recording.registrations if it.parent == "lab-notebook" and it.type.startswith("kubernetes:")]
    return {it.type.rsplit(":", 1)[-1]: it for it in found}


def test_a_notebook_comes_with_its_token_and_after_the_endpoint(program: Program) -> None:
    made = objects(program(clusters={"lab": {"notebook": {}}}))

    assert made.keys() == {"Secret", "ConfigMap", "Deployment", "Service"}
    assert any("lab-endpoint" in urn for urn in made["Deployment"].request.dependencies)
    assert any(urn.endswith("::lab-notebook") for urn in made["Deployment"].request.dependencies)
    assert list(made["Secret"].request.ignoreChanges) == ["stringData", "data"]
    assert made["Secret"].inputs["immutable"] is True


def test_two_runs_generate_two_tokens_of_which_the_first_counts(program: Program) -> None:
    first, second = (objects(program(clusters={"lab": {"notebook": {}}}))["Secret"] for _ in range(2))

    assert first.inputs["stringData"] != second.inputs["stringData"]


def test_a_token_of_ones_own_is_not_generated(program: Program) -> None:
    recording = program(clusters={"lab": {"notebook": {"tokenSecret": "mine"}}})

    assert "Secret" not in objects(recording)
    assert "notebookTokens" not in recording.outputs


def test_its_address_is_an_output_of_its_cluster(program: Program) -> None:
    endpoint = {"type": "NodePort", "insecure": True}
    recording = program(clusters={"lab": {"notebook": {"endpoint": endpoint}}, "other": {}})

    assert "notebookTokens" in recording.outputs

    assert recording.outputs["clusters"]["lab"]["notebookUrl"] == f"http://{NODE}:31000/lab"
    assert "notebookUrl" not in recording.outputs["clusters"]["other"]


def test_a_cluster_with_prices_says_what_it_costs(program: Program, logged: list[str]) -> None:
    recording = program(clusters={"lab": SIZE}, prices={"cpu": 0.05, "memory": 0.005, "currency": "EUR"})

    assert logged == ["the cluster lab costs 0.06 to 0.60 EUR per hour"]
    assert recording.outputs["clusters"]["lab"]["costPerHour"] == {"minimum": 0.06, "maximum": 0.6}


def test_without_prices_nothing_is_said(program: Program, logged: list[str]) -> None:
    recording = program(clusters={"lab": SIZE})

    assert logged == []
    assert "costPerHour" not in recording.outputs["clusters"]["lab"]


def test_prices_change_no_object(program: Program) -> None:
    def bodies(**config: Any) -> dict[str, Any]:
        made = program(clusters={"lab": SIZE}, **config)
        return {it.name: it.inputs for it in made.registrations if it.type.endswith(":DaskCluster")}

    assert bodies() == bodies(prices={"cpu": 0.05})
