"""`make connect`, running beside a test, and clients in processes of their own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.clusters import ROOT
from tests.support.stacks import Stack

SECONDS = 60


@dataclass
class Connected:
    """`connect`, running beside the test, and what it has printed."""

    process: "subprocess.Popen[str]"
    told: dict[str, Any]

    def ends(self) -> str:
        """Ctrl-C; what it says on its standard error."""
        self.process.send_signal(signal.SIGINT)
        _, said = self.process.communicate(timeout=SECONDS)
        assert self.process.returncode == 0, said
        assert "Traceback" not in said, said
        return said


@contextmanager
def connect(stack: Stack, *arguments: str, **environment: str) -> Iterator[Connected]:
    command = [sys.executable, "-m", "tools.connect", "--cwd", str(stack.folder), "--stack", stack.name, "--json"]
    process = subprocess.Popen(
        [*command, *arguments],
        cwd=ROOT,
        env=os.environ | stack.environment | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    try:
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield Connected(process, json.loads(line))
    finally:
        process.kill()
        process.communicate()


def computes(code: str, **environment: str) -> int:
    """What a client in a process of its own computes; `code` is what `connect` prints."""
    program = f"{code}\nprint(client.submit(lambda number: 2 * number, 21).result(timeout=60))\n"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=2 * SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)
