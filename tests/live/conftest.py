"""Fixtures of the live tier: the Pulumi CLI, its state in a folder, and a Kubernetes cluster of the tests' own.

The operator belongs to one stack, the owner's; every other stack uses it, in a namespace of its own.
"""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import Client
from selenium.webdriver import Chrome

from tests.support import clusters
from tests.support.kubectl import Kubectl
from tests.support.owner import Owner
from tests.support.postmortem import postmortem
from tests.support.stacks import Stack, copy_of_the_project
from tools.backend import address
from tools.pictures.dashboard import chromium

TEST_SECONDS = 900
NewStack = Callable[[str], Stack]
# Not Client: its methods are typed as synchronous or asynchronous at once.
Connect = Callable[..., Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/live/" in item.path.as_posix():
            item.add_marker("live")
            item.add_marker(pytest.mark.timeout(TEST_SECONDS))
            # The host's Python and the image's may differ in the patch version, which is harmless.
            item.add_marker(pytest.mark.filterwarnings("ignore::distributed.versions.VersionMismatchWarning"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds to the report of a failed test what Kubernetes says."""
    report = yield
    kube = getattr(item, "funcargs", {}).get("kube")
    if report.failed and kube is not None:
        report.sections.append(("Kubernetes", postmortem(kube)))
    return report


@pytest.fixture(scope="session")
def backend(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a Pulumi CLI whose state is a folder of this session."""
    clusters.engine()
    return {
        "PULUMI_BACKEND_URL": address(tmp_path_factory.mktemp("state")),
        "PULUMI_CONFIG_PASSPHRASE": "of the tests",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
    }


@pytest.fixture(scope="session")
def kube(kubernetes: Path) -> Kubectl:
    """kubectl on the tests' own cluster."""
    return Kubectl(kubernetes)


@pytest.fixture(scope="session")
def new_stack(kubernetes: Path, backend: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> NewStack:
    """Makes stacks, all in one backend."""
    environment = backend | {"KUBECONFIG": str(kubernetes)}

    def make(name: str) -> Stack:
        return Stack(copy_of_the_project(tmp_path_factory.mktemp(name)), name, environment)

    return make


@pytest.fixture(scope="session")
def owner(new_stack: NewStack) -> Iterator[Owner]:
    """The stack that owns the operator. Modules may bring it down: `up` brings it back."""
    made = Owner(new_stack("owner"))
    yield made
    made.down()


@pytest.fixture(scope="module")
def stack(owner: Owner, new_stack: NewStack, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """An empty stack for the module's tests, in a namespace of its own, that uses the owner's operator."""
    name = Path(request.path).stem.removeprefix("test_").replace("_", "-")
    owner.up()
    made = new_stack(name).configure(namespace={"name": name}, operator={"install": False})
    yield made
    made.end()


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Opens clients that are closed when the test ends."""
    opened: list[Client] = []

    def open_client(address: str, **options: Any) -> Client:
        opened.append(Client(address, timeout=30, set_as_default=False, **options))
        return opened[-1]

    yield open_client
    for client in opened:
        client.close()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    """Debian's Chromium without a window, asking nobody but the page."""
    chrome = chromium(tmp_path, 1400, 900)
    yield chrome
    chrome.quit()
