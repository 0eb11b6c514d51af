"""Resource hooks, run as the engine runs them. In: registrations and bindings. Out: nothing, or HookError.

The SDK opens a callback server for its hooks in the program's own event loop; this calls it over the same protocol as
the engine does (callback.proto), so sync and async functions, secrets and errors behave alike. Delete
hooks are not run: what is pruned is known by its label only, and no longer stands in the program.
"""

from typing import Any

import grpc
from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc, resource_pb2

from local.progress import Progress


class HookError(Exception):
    """A hook of the program failed; the words are the hook's."""


class Hooks:
    """The hooks that the program has registered, by name."""

    def __init__(self, progress: Progress, preview: bool) -> None:
        self._progress, self._preview = progress, preview
        self._registrations: dict[str, Any] = {}

    def register(self, registration: Any) -> None:
        """Remember a RegisterResourceHookRequest."""
        self._registrations[registration.name] = registration

    def run(self, binding: Any, moment: str, arguments: dict[str, Any]) -> None:
        """Run the hooks of `moment` (`before_create`, ...) in order; in a preview only those that ask for it."""
        for name in getattr(binding, moment, ()):
            registration = self._registrations[name]
            if self._preview and not registration.on_dry_run:
                continue
            if error := _invoke(registration.callback, resource_pb2.ResourceHookRequest(**arguments)):
                if not registration.ignore_errors:
                    raise HookError(f"{moment.replace('_', ' ')}: {error}")
                self._progress.say(f"warning: {name}: {error}")


def _invoke(callback: Any, request: Any) -> str:
    """The hook's error, or ""."""
    message = callback_pb2.CallbackInvokeRequest(token=callback.token, request=request.SerializeToString())
    with grpc.insecure_channel(callback.target) as channel:
        answer = callback_pb2_grpc.CallbacksStub(channel).Invoke(message)
    return resource_pb2.ResourceHookResponse.FromString(answer.response).error
