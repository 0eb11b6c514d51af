"""The cases by which the program's client is tested are true of kubectl, which is client-go."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.clusters import kubectl
from tests.support.kubeconfigs import CASES, NOT_KUBECTL
from tests.unit.seeing import seen


@pytest.mark.parametrize("name", [name for name in CASES if name not in NOT_KUBECTL])
def test_kubectl_does_the_same(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    ended: list[subprocess.CompletedProcess[str]] = []
    ours = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}

    async def ask(file: str, environment: dict[str, str]) -> None:
        command = [str(kubectl()), "get", "--raw", "/version"]
        variables = ours | {"HOME": str(tmp_path)} | environment | {"KUBECONFIG": file}
        ended.append(
            await asyncio.to_thread(
                subprocess.run, command, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True
            )
        )

    headers = seen(case, tmp_path, ask)

    assert (ended[0].returncode == 0) == (case.refused is None), ended[0].stderr
    assert {key: headers.get(key, "") for key in case.sees or {}} == (case.sees or {})
