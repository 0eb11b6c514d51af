"""EXTRA_CONDA_PACKAGES in an image without conda: met by what is installed, or refused with what to use instead."""

from importlib.metadata import version

import pytest

from devcluster.images import conda_packages

INSTALLED = version("distributed")  # 2026.8.0
YEAR, MINOR = INSTALLED.split(".")[:2]


@pytest.mark.parametrize(
    "spec",
    [
        "distributed",
        "Distributed",
        "conda-forge::distributed",
        f"distributed={YEAR}",
        f"distributed={YEAR}.{MINOR}",
        f"distributed={YEAR}.{MINOR}.*",
        f"distributed=={INSTALLED}",
        f"distributed>=2020.1,<{int(YEAR) + 1}",
        "distributed!=2020.1.0",
        "python>=3.11",
        "python-dateutil",
    ],
)
def test_a_spec_that_is_met_is_no_problem(spec):
    assert conda_packages.problem(spec) is None


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("no-such-package", "'no-such-package' is not installed"),
        ("distributed<2020", f"'distributed<2020' is wanted and {INSTALLED} is installed"),
        ("distributed=2020", f"'distributed=2020' is wanted and {INSTALLED} is installed"),
        ("python<3", "'python<3' is wanted and 3."),
        (f"distributed={INSTALLED}=py311_0", "has a version part that cannot be checked here"),
        ("distributed>=2020|<2019", "has a version part that cannot be checked here"),
        ("distributed[version='>=1']", "is not a conda package spec that can be parsed"),
    ],
)
def test_a_spec_that_is_not_met_says_why(spec, why):
    assert why in (conda_packages.problem(spec) or "")


def test_channels_and_flags_are_no_packages():
    arguments = ["-c", "conda-forge", "distributed", "--override-channels", "--channel", "nvidia", "dask"]

    assert conda_packages.specs(arguments) == ["distributed", "dask"]


def test_all_met_is_said_and_succeeds(capsys):
    assert conda_packages.main(["distributed", "dask"]) == 0

    assert "all already installed: distributed dask" in capsys.readouterr().out


def test_one_missing_package_fails_with_the_ways_out_on_stderr(capsys):
    assert conda_packages.main(["distributed", "no-such-package"]) == 1

    printed = capsys.readouterr()
    assert printed.out == ""
    assert "'no-such-package' is not installed" in printed.err
    assert "packages.pip (EXTRA_PIP_PACKAGES)" in printed.err
    assert "-ml" in printed.err
