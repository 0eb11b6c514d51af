"""Checks container image references.

The grammar is that of distribution/reference, without the upper-case host names that it also allows.
"""

import re

from ...settings.mistakes import invalid
from ...vocabulary import DASK_IMAGE

_COMPONENT = r"[a-z0-9]+((\.|__?|-+)[a-z0-9]+)*"
NAME = rf"({_COMPONENT}(:[0-9]+)?/)?{_COMPONENT}(/{_COMPONENT})*"
TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"@sha256:[0-9a-f]{64}"
IMAGE = rf"{NAME}(:{TAG})?({_DIGEST})?"
PINNED_TAG = rf"{TAG}({_DIGEST})?"


def image(value: str) -> str:
    """`name[:tag][@sha256:digest]`."""
    if not value:
        raise invalid("must not be empty", f"name an image, such as '{DASK_IMAGE}'")
    if re.search(r"\s", value):
        raise invalid("must not contain white space", f"try '{''.join(value.split())}'")
    name, at, _ = value.partition("@")
    if at and not re.search(rf"{_DIGEST}\Z", value):
        raise invalid("has a bad digest: '@sha256:' and 64 hexadecimal digits are needed", "copy the whole digest")
    path = name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name
    if path != path.lower():
        raise invalid("must be lower case before the tag", f"try '{value.replace(path, path.lower(), 1)}'")
    if not re.fullmatch(IMAGE, value):
        raise invalid("must be an image reference: name[:tag][@sha256:digest]", f"write one such as `{DASK_IMAGE}`")
    return value


def image_name(value: str) -> str:
    """The part of an image reference before the tag."""
    if not re.fullmatch(NAME, value):
        fix = "write one such as `ghcr.io/dask/dask-kubernetes-operator`"
        raise invalid("must be an image's name without a tag", fix)
    return value


def image_tag(value: str) -> str:
    """The part of an image reference after the colon: the tag, and the digest where one pins it."""
    if not re.fullmatch(PINNED_TAG, value):
        raise invalid(
            "must be an image's tag: at most 128 letters, digits, '_', '.' and '-', then '@sha256:' and its 64 "
            "hexadecimal digits where it is pinned",
            "write one such as `2026.3.0`",
        )
    return value


def is_floating(image_reference: str) -> bool:
    """Whether the image can change under the same name: no tag or `latest`, and no digest."""
    if "@" in image_reference:
        return False
    last = image_reference.rpartition("/")[2]
    return ":" not in last or last.endswith(":latest")


def is_upstream(image_reference: str) -> bool:
    """Whether the image is one that the Dask project builds."""
    return image_reference.partition("@")[0].rpartition(":")[0] in _UPSTREAM


def notebook(image_reference: str) -> str | None:
    """Upstream's image of JupyterLab for an image of Dask: `…/dask:<tag>` -> `…/dask-notebook:<tag>`; else None.

    A digest does not carry over, because it is another image.
    """
    name, _, tag = image_reference.partition("@")[0].rpartition(":")
    return f"{name}-notebook:{tag}" if name.rpartition("/")[2] == "dask" and "/" not in tag else None


# The oldest Python that the program runs on (pyproject.toml), and the one in the images that it names.
PYTHON = "3.11"
_UPSTREAM = ("ghcr.io/dask/dask", "daskdev/dask", "docker.io/daskdev/dask")
_PYTHON_OF = re.compile(r"-py3\.(\d+)")


def newer_python(image_reference: str) -> str | None:
    """The image to use instead of one whose tag names a Python older than PYTHON; None for other images.

    Upstream, a version without `-py...` has the oldest Python that Dask runs on: `2026.8.0` is Python 3.10.
    """
    name, _, tag = image_reference.partition("@")[0].rpartition(":")
    found = _PYTHON_OF.search(tag)
    if found and int(found[1]) < int(PYTHON.partition(".")[2]):
        return f"{name}:{_PYTHON_OF.sub(f'-py{PYTHON}', tag)}"
    if not found and name in _UPSTREAM and re.fullmatch(r"v?[0-9]{4}\.[0-9]+\.[0-9]+", tag):
        return f"{name}:{tag}-py{PYTHON}"
    return None
