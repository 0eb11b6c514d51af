"""Running the unchanged `__main__.py` under our monitor. In: a stack and a run. Out: the run's record, filled.

This does what the engine's language host does: the project's directory first on the path and as the working directory,
the config as the engine hands it over, one root stack resource that collects the exports.
"""

import asyncio
import contextlib
import logging
import os
import runpy
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pulumi
from pulumi.runtime import set_all_config, set_mocks, settings
from pulumi.runtime.stack import run_in_stack

from local.monitor import ApplyingMonitor, NoMocks
from local.resources import Run
from local.stackfiles import Stack

# Registrations wait for Jobs in threads; with asyncio's few, the waiting ones would keep the others from starting.
_THREADS = 64


def run_program(stack: Stack, run: Run) -> None:
    """Run the program to its end. Failures land in the record; an error of the program itself lands there too."""
    with _as_language_host(stack.root):
        try:
            asyncio.run(_program(stack, run))
        except Exception as error:
            if run.record.failures:
                return  # only the echo of a failed resource, in those that wanted its outputs
            # A settings error of the program is a message for people; anything else is a bug, and its place helps.
            readable = isinstance(error, pulumi.RunError) or getattr(error, "readable", False)
            run.record.fail("", error if readable else _with_place(error, stack.root))


async def _program(stack: Stack, run: Run) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS))
    loop.set_exception_handler(lambda _loop, _context: None)  # the echo of failures that the record already holds
    monitor = ApplyingMonitor(run, stack.config)
    # `outputs` too counts as a dry run: what is not there is unknown, and nothing is computed from it.
    logger = _logger(run.record.progress.say)
    set_mocks(NoMocks(), stack.project, stack.name, run.mode != "up", logger, monitor, "organization")
    # Mocks keep what a failed program before, in this process, has left to wait for.
    settings.SETTINGS.outputs.clear()  # pyright: ignore[reportAttributeAccessIssue]
    settings.ROOT.set(None)  # set_mocks has made a root stack and closed it; run_in_stack makes the real one
    set_all_config(dict(stack.config))
    await run_in_stack(lambda: _main_module(stack.root))


def _main_module(root: Path) -> None:
    runpy.run_path(str(root / "__main__.py"), run_name="__main__")


@contextlib.contextmanager
def _as_language_host(root: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(root)
    sys.path.insert(0, str(root))
    try:
        yield
    finally:
        sys.path.remove(str(root))
        os.chdir(before)


def _logger(say: Callable[[str], None]) -> logging.Logger:
    """`pulumi.log.*` of the program, printed as it comes."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            say(f"{record.levelname.lower()}: {record.getMessage()}")

    logger = logging.Logger("program", logging.INFO)  # not in the logging tree: nobody else's handlers
    logger.addHandler(Handler())
    return logger


def _with_place(error: BaseException, root: Path) -> str:
    """The error and the program's own lines that led to it; the SDK's frames say nothing to the reader."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(root)]
    own = [frame for frame in own if "site-packages" not in frame.filename]
    places = "".join(traceback.format_list([frame for frame in own if "local/" not in frame.filename][-3:]))
    return f"the program failed: {type(error).__name__}: {error}\n{places}".rstrip()
