"""The kubeconfig that a provider's inputs or the environment choose. In: a path or content. Out: a path; what is wrong.

kr8s reads it, but of a file that is none it says only which of its own lines failed.
"""

import os
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from components.kube import Connection


def as_file(kubeconfig: str, files: ExitStack) -> str:
    """A provider takes a path or the content; helm takes only a path, so content goes into a private file."""
    if not Connection(kubeconfig=kubeconfig).holds_contents:
        return str(Path(kubeconfig).expanduser())
    file = Path(files.enter_context(TemporaryDirectory(prefix="kube-")), "config")
    file.write_text(kubeconfig, encoding="utf-8")
    return str(file)


def chosen(path: str | None) -> str:
    """The path, or what everybody uses where none is given; several are separated by colons."""
    return path or os.environ.get("KUBECONFIG") or "~/.kube/config"


def fault(path: str | None) -> str:
    """What keeps the files from being kubeconfigs, or "" where they are: then the trouble is what stands in them."""
    for each in chosen(path).split(os.pathsep):
        file = Path(each).expanduser()
        try:
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
        except OSError as error:
            return f"{file}: {error.strerror}"
        except (yaml.YAMLError, UnicodeDecodeError):
            return f"{file} is no kubeconfig"
        if not isinstance(content, dict) or "clusters" not in content:
            return f"{file} is no kubeconfig"
    return ""
