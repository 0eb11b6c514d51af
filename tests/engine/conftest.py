"""Fixtures of the engine tier: the real CLI, its state in a folder, and a Kubernetes cluster of the tests' own.

The operator belongs to one stack, `owner`; every other stack uses it, in a namespace of its own.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.clusters import ROOT
from tests.engine.owner import Owner
from tests.engine.stacks import Stack
from tests.kubectl import Kubectl

TEST_SECONDS = 900
NO_CLI = "there is no `pulumi` on PATH; install it: https://www.pulumi.com/docs/install/"
NewStack = Callable[[str], Stack]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    ours = [item for item in items if "tests/engine/" in item.path.as_posix()]
    for item in ours:
        item.add_marker("engine")
        item.add_marker(pytest.mark.timeout(TEST_SECONDS))
        # The host's Python and the image's may differ in the patch version, which is harmless.
        item.add_marker(pytest.mark.filterwarnings("ignore::distributed.versions.VersionMismatchWarning"))
    if ours and not shutil.which("pulumi"):
        ours[0].add_marker(pytest.mark.skip(reason=f"all {len(ours)} tests of this tier: {NO_CLI}"))
        # One line in the summary instead of one for each test.
        config.hook.pytest_deselected(items=ours[1:])
        items[:] = [item for item in items if item not in ours[1:]]


@pytest.fixture(scope="package")
def kube(kubernetes: Path) -> Kubectl:
    """kubectl on the tests' own cluster."""
    return Kubectl(kubernetes)


@pytest.fixture(scope="package")
def new_stack(kube: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> NewStack:
    """Makes stacks, all in one backend."""
    state = tmp_path_factory.mktemp("state")
    environment = {
        "KUBECONFIG": str(kube.kubeconfig),
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE": "of the tests",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }

    def make(name: str) -> Stack:
        return Stack(tmp_path_factory.mktemp(name), name, environment)

    return make


@pytest.fixture(scope="package")
def owner(new_stack: NewStack, kube: Kubectl) -> Iterator[Owner]:
    """The stack of Pulumi.dev.yaml, which has the operator. Tests may destroy it: `up` brings it back."""
    dev = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]
    stack = new_stack("owner")
    stack.configure(**{key.removeprefix("dask:"): value for key, value in dev.items()})
    made = Owner(stack, kube)
    yield made
    made.down()


@pytest.fixture(scope="module")
def stack(owner: Owner, new_stack: NewStack, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """An empty stack for the module's tests, in a namespace of its own, that uses the operator that is there."""
    name = Path(request.path).stem.removeprefix("test_").replace("_", "-")
    owner.up()
    made = new_stack(name)
    made.configure(namespace={"name": name}, operator={"install": False})
    yield made
    made.destroy()
