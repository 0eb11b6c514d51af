"""The built images, each command run inside them as its numeric user, in a chroot: no cluster needed."""

import json
import os
import re
import shutil
import subprocess

import pytest

from devcluster import shell
from devcluster.images import build, catalog, wheels

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="entering an image by chroot needs root"),
    pytest.mark.skipif(not shutil.which("buildah"), reason="buildah is not installed"),
]
ENTRYPOINT = ("tini", "-g", "--", "/usr/bin/prepare.sh")
COMPUTE = """
import urllib.request
from distributed import Client, LocalCluster
import dask.dataframe, pandas

if __name__ == "__main__":
    pandas.DataFrame({"key": [0, 1, 0], "value": [1, 2, 3]}).to_csv("/tmp/part.csv", index=False)
    with LocalCluster(n_workers=1, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster, Client(cluster):
        table = dask.dataframe.read_csv("/tmp/part.csv").groupby("key").value.sum().compute()
        print("computed", table.to_dict())
        for page in ("status", "metrics", "static/js/bokeh.min.js"):
            with urllib.request.urlopen(cluster.dashboard_link.replace("status", page)) as answer:
                print(page, answer.status)
"""


def buildah(*arguments, **options):
    return subprocess.run([*build._buildah(), *arguments], capture_output=True, text=True, check=False, **options)


@pytest.fixture(params=["dask", "ml", "operator"])
def image(request):
    return built(request.param)


def built(stage):
    found = catalog.find([stage])[0]
    assert found.archive.exists(), f"{found.reference} is not built: python3 -m devcluster.images build"
    return found


@pytest.fixture
def inside():
    """Runs a command in a new container of a stage's image; the containers go at the end."""
    containers = []

    def run(stage, *command, env=(), volumes=()):
        container = buildah("from", "--pull-never", f"oci-archive:{built(stage).archive}").stdout.strip()
        containers.append(container)
        flags = [flag for pair in env for flag in ("--env", pair)] + [flag for pair in volumes for flag in ("-v", pair)]
        return buildah("run", "--isolation", "chroot", *flags, container, "--", *command, timeout=120)

    with shell.locked(catalog.cache_folder() / "lock"):  # a build would remove the containers
        yield run
        for container in containers:
            buildah("rm", container)


def test_the_user_is_numeric_and_not_root(image):
    archive = subprocess.run(["tar", "-xOf", image.archive, "index.json"], capture_output=True, check=True).stdout
    index = json.loads(archive)["manifests"][0]
    manifest = blob(image, index["digest"])

    assert index["annotations"]["org.opencontainers.image.ref.name"] == image.reference
    assert blob(image, manifest["config"]["digest"])["config"]["User"] == "1000:1000"


def blob(image, digest):
    path = f"blobs/{digest.replace(':', '/')}"
    return json.loads(subprocess.run(["tar", "-xOf", image.archive, path], capture_output=True, check=True).stdout)


@pytest.mark.parametrize("stage", ["dask", "ml"])
def test_the_python_inside_is_the_one_in_the_tag(inside, stage):
    [image] = catalog.find([stage])

    done = inside(stage, "python3", "-c", "import sys; print('py%d.%d' % sys.version_info[:2])")

    assert done.stdout.strip() in image.tag.split("-"), done.stderr


def test_nothing_of_the_building_machine_is_left(inside):
    done = inside("dask", "sh", "-c", "cat /etc/pip.conf ~/.config/pip/pip.conf; ls /wheels /rootfs.tar; env; true")

    assert "PIP_" not in done.stdout
    assert done.stderr.count("No such file or directory") == 4


def test_scheduler_worker_csv_and_dashboard_work(inside):
    done = inside(
        "dask", *ENTRYPOINT, "sh", "-c", f"cat > /tmp/compute.py <<'END'\n{COMPUTE}\nEND\npython3 /tmp/compute.py"
    )

    assert done.stdout.splitlines()[-4:] == [
        "computed {0: 4, 1: 2}",
        "status 200",
        "metrics 200",
        "static/js/bokeh.min.js 200",
    ], done.stderr


def test_a_new_pod_compiles_no_module(inside):
    # Python says `code object from '….pyc'` of bytecode and `code object from ….py` of what it had to compile.
    count = "python3 -v -c 'from distributed import Scheduler, Worker' 2>&1 | grep -c 'code object from /opt'"

    shipped, without_bytecode = inside("dask", "sh", "-c", f"{count}; PYTHONPYCACHEPREFIX=/none {count}").stdout.split()

    assert int(shipped) == 0
    assert int(without_bytecode) > 100


def test_extra_pip_packages_come_from_a_wheel_folder_without_a_network(inside):
    folder = wheels.folder("ml")
    assert folder.is_dir(), "no wheels: python3 -m devcluster.images wheels"

    done = inside(
        "dask",
        *(*ENTRYPOINT, "python3", "-c", "import optuna, optuna_integration, sklearn, os; print('uid', os.getuid())"),
        env=("PIP_NO_INDEX=1", "PIP_FIND_LINKS=/wheels", "EXTRA_PIP_PACKAGES=optuna optuna-integration scikit-learn"),
        volumes=(f"{folder}:/wheels:ro",),
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "uid 1000"


@pytest.mark.parametrize(("stage", "status"), [("ml", 0), ("dask", 1)])
def test_extra_conda_packages_need_the_ml_image(inside, stage, status):
    done = inside(
        stage, *ENTRYPOINT, "echo", "started", env=("EXTRA_CONDA_PACKAGES=optuna optuna-integration scikit-learn",)
    )

    assert done.returncode == status
    assert ("started" in done.stdout) == (status == 0)
    assert ("'optuna' is not installed" in done.stderr) == (status == 1)


def test_extra_apt_packages_are_refused_without_root(inside):
    done = inside("dask", *ENTRYPOINT, "echo", "started", env=("EXTRA_APT_PACKAGES=git",))

    assert done.returncode == 1
    assert "EXTRA_APT_PACKAGES='git' needs root and this container runs as uid 1000" in done.stderr


def test_the_operator_starts_up_to_its_login(inside):
    kopf = ("timeout", "20", "/usr/local/bin/kopf", "run", "-m", "dask_kubernetes.operator.controller", "-n", "x")

    done = inside("operator", *kopf)

    assert "Activity 'startup' succeeded" in done.stderr
    assert "Cannot authenticate pykube" in done.stderr


def test_the_notebooks_image_has_dasks_extension_and_upstreams_user(inside):
    build.build(catalog.find(["notebook"]))

    user = inside("notebook", "tini", "-g", "--", "start.sh", "sh", "-c", "id -un; id -u; id -g; echo $HOME")
    extensions = inside("notebook", "tini", "-g", "--", "start.sh", "jupyter", "labextension", "list")

    assert user.stdout.split() == ["jovyan", "1000", "100", "/home/jovyan"], user.stderr
    assert re.search(r"dask-labextension v\S+ .*OK", extensions.stderr + extensions.stdout), extensions
