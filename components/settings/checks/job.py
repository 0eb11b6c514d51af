"""Rules about a job and its schedule."""

from collections.abc import Iterator

from ...settings.job import Job, Runner
from ...settings.mistakes import Mistake


def something_to_run(runner: Runner) -> Iterator[Mistake]:
    """Either a command or a script."""
    if bool(runner.command) == (runner.script is not None):
        fix = "keep one" if runner.command else "add one, such as `command: [python, program.py]`"
        yield Mistake("needs exactly one of `command` and `script`", fix, value=None)


# What each of these settings would do, which a job that runs once in `up` has no use for.
_WITHOUT_A_SCHEDULE = {
    "time_zone": ("timeZone", "it is the time zone of one"),
    "suspended": ("suspended", "a job without one runs once, in `up`; to keep it from running, remove the job"),
    "retries": ("retries", "`up` runs a job without one, and reports a failure at once"),
    "history": ("history", "a job without one has a single run, which is kept"),
    "ttl": ("ttl", "`up` would create the run of a job without one again"),
}


def timing(job: Job) -> Iterator[Mistake]:
    """Settings of a schedule that a job without one does not have."""
    if job.schedule is not None:
        return
    for field, (key, reason) in _WITHOUT_A_SCHEDULE.items():
        if field in job.model_fields_set:
            yield Mistake(f"needs a `schedule`: {reason}", 'add `schedule: "0 2 * * *"`, or remove it', (key,))
