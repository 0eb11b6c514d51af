"""The Pulumi engine: the CLI, its language host for Python and its Kubernetes provider, built from Go modules.

`python3 -m devcluster.engine HOME` builds what the cache lacks, and prints the variables under which `pulumi` is this
engine, one a line: PATH, and PULUMI_HOME, which is HOME with the provider in it.
"""

import os
import shutil
import sys
from pathlib import Path

from devcluster import golang
from devcluster.kubernetes import build
from devcluster.shell import DevclusterError

_CLI = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_SDK = "github.com/pulumi/pulumi/sdk/v3"
_HOST = "./pulumi-language-python"
_YAML = "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml"


def engine() -> golang.Product:
    """`bin/` holds `pulumi` and its language host."""
    bare = golang.Product("engine", "engine", (_CLI, _HOST), (), "4 to 8 min on two cores the first time")
    version = bare.required(_SDK)
    flags = ["-buildvcs=false", "-trimpath", f"-ldflags=-s -w -X {_SDK}/go/common/version.Version={version}"]

    def finish(folder: Path) -> None:
        script = golang.module_folder(bare, _SDK) / "python" / "cmd" / "pulumi-language-python-exec"
        shutil.copyfile(script, folder / script.name)

    return golang.Product(bare.name, bare.module, bare.packages, flags, bare.usual, finish=finish)


def yaml_host() -> golang.Product:
    """`bin/` holds the language host for programs in YAML. Only those who run such programs need it."""
    flags = ("-buildvcs=false", "-trimpath", "-ldflags=-s -w")
    return golang.Product("yaml", "yaml", (_YAML,), flags, "1 to 3 min on two cores the first time")


def sdks() -> golang.Product:
    """`bin/` holds `sdks`, which generates the SDKs of a component package for Go and TypeScript."""
    return golang.Product(
        "sdks", "sdks", (".",), ("-buildvcs=false", "-trimpath", "-ldflags=-s -w"), "1 to 2 min on two cores"
    )


def ensure() -> Path:
    """The folder of `pulumi`, built first if the cache has none."""
    return golang.ensure(engine()) / "bin"


def environment(home: Path) -> dict[str, str]:
    """The variables under which `pulumi` is this engine. `home` is the engine's own folder; it gets the provider."""
    provider = build.ensure() / "bin" / build.PROVIDER
    # A provider on PATH would do, but every command would warn of it.
    plugin = home / "plugins" / f"resource-kubernetes-v{build.PROVIDER_SERVES}" / build.PROVIDER
    plugin.parent.mkdir(parents=True, exist_ok=True)
    if not plugin.exists() or not plugin.samefile(provider):
        draft = plugin.with_suffix(f".{os.getpid()}")
        draft.symlink_to(provider)
        draft.rename(plugin)  # atomic: two commands at once do no harm
    _keep_no_log(home)
    return {"PATH": os.pathsep.join([str(ensure()), os.environ.get("PATH", "")]), "PULUMI_HOME": str(home)}


def _keep_no_log(home: Path) -> None:
    """Keep a new engine from writing down all that it does: 10 MB for 30 clusters, and 40 % of its processor time.

    It has no setting for that, but does without where its folder `logs` is a file (pkg/v3 3.260, logging/encrypted.go).
    `pulumi up -v=9 --logtostderr` shows the same. A folder that exists is left as it is.
    """
    if not (home / "logs").exists():
        (home / "logs").touch()


def main() -> int:
    """Print the variables; progress goes to stderr."""
    if len(sys.argv) != 2:
        print("usage: python3 -m devcluster.engine HOME", file=sys.stderr)
        return 2
    try:
        for name, value in environment(Path(sys.argv[1]).resolve()).items():
            print(f"{name}={value}")
    except (DevclusterError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command continues from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
