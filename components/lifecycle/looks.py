"""Looks that only warn: a run has other things to do than to fail because something could not be looked at."""

from collections.abc import Awaitable
from typing import TypeVar

import pulumi

from ..kube.errors import UnknownClusterError

T = TypeVar("T")


async def stopping_nothing(look: Awaitable[T], failed: str) -> T | None:
    """What a look has found. None where it fails, which is a warning that begins with `failed`.

    A Kubernetes cluster that is not known yet is no reason for a warning.
    """
    try:
        return await look
    except UnknownClusterError:
        return None
    except Exception as error:
        pulumi.log.warn(f"{failed}: {error}")
        return None
