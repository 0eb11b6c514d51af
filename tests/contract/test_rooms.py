"""`settings` and `manifests` are of use without Pulumi and without a Kubernetes client."""

import subprocess
import sys

import pytest

from tests.contract.rendering import ROOT

BLOCKED = ("pulumi", "pulumi_kubernetes", "kr8s", "httpx", "grpc", "distributed")
PROGRAM = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"{{name}} must not be needed here")

sys.meta_path.insert(0, Blocker())
{program}
"""
PACKAGES = {"settings": "components/settings", "manifests": "components/manifests"}


@pytest.mark.parametrize("room", PACKAGES)
def test_a_pure_room_is_imported_without_pulumi_and_kr8s(room: str) -> None:
    folder = ROOT / PACKAGES[room]
    modules = [
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in sorted(folder.rglob("*.py"))
        if file.name != "__init__.py" and "scripts" not in file.parts
    ]
    program = PROGRAM.format(blocked=set(BLOCKED), program="\n".join(f"import {module}" for module in modules))

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)

    assert modules
    assert done.returncode == 0, done.stderr
