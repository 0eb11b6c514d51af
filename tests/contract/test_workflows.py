"""The workflows and hooks that the repository gives its users: well-formed, pinned, and careful with secrets."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pre_commit.clientlib import load_config

from tests.contract.rendering import ROOT, STACKS

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
HEAD = (ROOT / ".github/workflows/deploy.yml").read_text().partition("\nname:")[0]
"""The comment that explains what the repository's settings need."""
PINNED = re.compile(r"[\w-]+/[\w./-]+@[0-9a-f]{40}")


def read(path: Path) -> dict[str, Any]:
    """A workflow. YAML 1.1 reads its key `on` as true."""
    content = yaml.safe_load(path.read_text())
    return content | {"on": content.pop(True)} if True in content else content


def jobs(name: str) -> dict[str, Any]:
    return read(ROOT / ".github/workflows" / name)["jobs"]


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in read(path)["jobs"].values() for step in job.get("steps", [])]


def hooks() -> list[dict[str, Any]]:
    content = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    return [hook for repo in content["repos"] for hook in repo["hooks"]]


@every_workflow
def test_a_workflow_keeps_the_schema(path: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


@every_workflow
def test_actions_of_others_are_pinned_by_commit(path: Path) -> None:
    used = [step["uses"] for step in steps(path) if "uses" in step]

    assert [action for action in used if not PINNED.fullmatch(action)] == []


def test_a_workflow_may_only_read_unless_a_job_says_more() -> None:
    """A called workflow has what the calling job has, less what it gives up itself."""
    assert {path.name: read(path).get("permissions") for path in WORKFLOWS} == {
        "deploy.yml": {"contents": "read"},
        "stack.yml": None,
    }
    assert "permissions" not in jobs("stack.yml")["run"]


def test_every_job_that_logs_in_may_ask_for_its_identity_and_no_other_job_may() -> None:
    deploy = jobs("deploy.yml")

    given = {name: job["permissions"] for name, job in deploy.items() if "permissions" in job}

    login = {"contents": "read", "id-token": "write"}
    assert {name for name, job in deploy.items() if "uses" in job} == set(given)
    assert given.pop("preview") == login | {"pull-requests": "write"}
    assert all(permissions == login for permissions in given.values())


def test_each_login_is_asked_for_by_a_variable_and_a_stored_kubeconfig_is_the_last_way() -> None:
    run = {step.get("name", ""): step for step in steps(ROOT / ".github/workflows/stack.yml")}
    asked = {name: re.findall(r"vars\.(\w+) != ''", step.get("if", "")) for name, step in run.items()}
    reached = [variables for name, variables in asked.items() if name.startswith("Reach")]
    last = run["Write the kubeconfig of the environment"]["if"]

    assert [(name, variables) for name, variables in asked.items() if name.startswith("Log in")] == [
        ("Log in to AWS", ["AWS_ROLE"]),
        ("Log in to Google Cloud", ["GOOGLE_PROVIDER"]),
        ("Log in to Azure", ["AZURE_CLIENT"]),
        ("Log in to Pulumi Cloud", ["PULUMI_ORGANIZATION"]),
    ]
    assert len(reached) == 3
    assert [[name] for name in re.findall(r"vars\.(\w+) == ''", last)] == reached


def test_every_variable_is_explained() -> None:
    text = (ROOT / ".github/workflows/stack.yml").read_text()

    assert {name for name in re.findall(r"(?:vars|secrets)\.(\w+)", text) if name not in HEAD} == set()


@every_workflow
def test_no_script_has_an_expression_in_it(path: Path) -> None:
    """GitHub pastes expressions into scripts: a branch name or a secret with a quote in it would be run."""
    assert [step["run"] for step in steps(path) if "${{" in step.get("run", "")] == []


@every_workflow
def test_a_checkout_leaves_no_credentials_behind(path: Path) -> None:
    checkouts = [step for step in steps(path) if step.get("uses", "").startswith("actions/checkout")]

    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@every_workflow
def test_scripts_call_only_targets_that_the_makefile_has(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()

    called = {name for step in steps(path) for name in re.findall(r"\bmake ([\w-]+)", step.get("run", ""))}

    assert {name for name in called if not re.search(rf"^{name}\b.*:", makefile, re.MULTILINE)} == set()


def test_the_cli_has_the_version_of_the_sdk() -> None:
    [sdk] = re.findall(r"^pulumi==([\d.]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)

    used = {
        str(step["with"]["pulumi-version"])
        for step in steps(ROOT / ".github/workflows/stack.yml")
        if "with" in step and "pulumi-version" in step["with"]
    }

    assert used == {sdk}


def test_every_preview_and_update_runs_the_guard_rails() -> None:
    pulumi = [step for step in steps(ROOT / ".github/workflows/stack.yml") if "pulumi/actions" in step.get("uses", "")]

    guarded = {step["if"]: step["with"].get("policyPacks") for step in pulumi if "command" in step["with"]}

    assert guarded == {
        "inputs.command == 'preview'": "policy",
        "inputs.command == 'up'": "policy",
        "inputs.command == 'drift'": None,
    }


def test_drift_is_looked_for_in_the_engines_state_and_in_what_the_operator_made() -> None:
    drift = [step for step in steps(ROOT / ".github/workflows/stack.yml") if "'drift'" in step.get("if", "")]

    assert [step.get("with", {}).get("expect-no-changes") or step["run"] for step in drift] == [
        True,
        'make drift STACK="$STACK"',
    ]
    assert "!cancelled()" in drift[1]["if"]  # a drift that the engine found does not hide the other


def test_clusters_are_suspended_in_the_checkout_before_any_command() -> None:
    found = steps(ROOT / ".github/workflows/stack.yml")
    suspends = [index for index, step in enumerate(found) if "suspended" in step.get("run", "")]
    commands = [index for index, step in enumerate(found) if "inputs.command ==" in step.get("if", "")]

    [index] = suspends
    assert index < min(commands)
    assert found[index]["if"] == "inputs.suspend != ''"
    assert '--path "dask:clusters.$name.suspended" true' in found[index]["run"]


def test_the_recipe_for_the_night_is_a_workflow_of_the_inputs_that_exist(tmp_path: Path) -> None:
    page = (ROOT / "docs/recipes.md").read_text()
    [block] = [it for it in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if it.startswith("name: night")]
    (tmp_path / "night.yml").write_text(block)

    test_a_workflow_keeps_the_schema(tmp_path / "night.yml")
    [job] = read(tmp_path / "night.yml")["jobs"].values()
    inputs = read(ROOT / ".github/workflows/stack.yml")["on"]["workflow_call"]["inputs"]
    needed = {name for name, it in inputs.items() if it.get("required")}
    assert needed <= job["with"].keys() <= inputs.keys()
    # The hour that suspends is one of those that the schedule has.
    assert re.findall(r"schedule == '(.*?)'", job["with"]["suspend"])[0] in [
        it["cron"] for it in read(tmp_path / "night.yml")["on"]["schedule"]
    ]


def test_updates_go_from_dev_over_staging_to_prod_and_only_on_main() -> None:
    deploy = jobs("deploy.yml")
    order = {name: job.get("needs") for name, job in deploy.items() if job.get("with", {}).get("command") == "up"}

    assert order == {"dev": "check", "staging": "dev", "prod": ["staging", "plan"]}
    assert deploy["dev"]["if"] == "github.event_name == 'push'"
    assert read(ROOT / ".github/workflows/deploy.yml")["on"]["push"] == {"branches": ["main"]}
    assert all(deploy[stack]["with"]["environment"] == stack for stack in order)


def test_code_that_nobody_has_reviewed_gets_the_keys_of_devs_preview_alone() -> None:
    """The keys of a state decrypt every secret in it: a kubeconfig that may only read does not change that."""
    deploy = jobs("deploy.yml")

    def runs_it(job: dict[str, Any]) -> bool:
        return "pull_request'" in job["if"] if "if" in job else "needs" not in job

    unreviewed = {name: job.get("with", {}).get("environment") for name, job in deploy.items() if runs_it(job)}

    assert unreviewed == {"check": None, "preview": "dev-preview"}
    assert "head.repo.full_name == github.repository" in deploy["preview"]["if"]
    assert "secrets" not in deploy["check"]


def test_every_environment_is_previewed_and_watched_for_drift() -> None:
    deploy = jobs("deploy.yml")
    planned = [deploy["preview"]["with"]["stack"], *deploy["plan"]["strategy"]["matrix"]["stack"]]

    assert sorted(planned) == sorted(STACKS)
    assert sorted(deploy["drift"]["strategy"]["matrix"]["stack"]) == sorted(STACKS)


class TestHooks:
    def test_the_configuration_is_one_that_pre_commit_takes(self) -> None:
        assert load_config(ROOT / ".pre-commit-config.yaml")["repos"]

    def test_no_hook_needs_more_than_pip(self) -> None:
        repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]

        assert [repo["repo"] for repo in repos] == ["local"]
        assert {hook["language"] for hook in hooks()} == {"system", "python"}

    def test_every_tool_of_the_projects_own_is_in_its_environment(self) -> None:
        tools = {hook["entry"].split()[0] for hook in hooks() if hook["language"] == "system"}

        assert {tool for tool in tools if not (ROOT / tool).exists()} == set()

    def test_installed_packages_are_pinned(self) -> None:
        packages = [package for hook in hooks() for package in hook.get("additional_dependencies", [])]

        assert packages
        assert [package for package in packages if "==" not in package] == []
