"""The engine's side of the SDK's calls, without an engine. In: register and read calls. Out: answers with live objects.

The SDK keeps the order: a resource is registered when its inputs and dependencies are resolved. Independent ones come
in threads at the same time. A resource that fails stops everything that has not begun, and is told at the end.
"""

import threading
import uuid
from collections.abc import Mapping
from typing import Any

from google.protobuf import empty_pb2
from pulumi.runtime.mocks import MockMonitor, Mocks
from pulumi.runtime.proto import resource_pb2

from local.live import Cluster
from local.progress import StoppedError
from local.refs import Ref
from local.resources import Run, UnsupportedError, register_object, register_release
from local.wire import plain, secret_keys, struct


class NoMocks(Mocks):
    """The plain mock monitor wants mocks; a call that reaches them is one that we do not know."""

    def call(self, args: Any) -> Any:
        raise UnsupportedError(f"the function {args.token} needs its provider, and so the Pulumi engine")

    def new_resource(self, args: Any) -> Any:
        raise UnsupportedError(f"{args.typ} needs its provider, and so the Pulumi engine")


class ApplyingMonitor(MockMonitor):
    """Applies (`up`), plans (`preview`) or looks up (`outputs`) each resource that the program registers."""

    def __init__(self, run: Run, config: Mapping[str, str]) -> None:
        super().__init__(NoMocks())
        self._run, self._config = run, config
        self._clusters: dict[str, Cluster] = {}
        self._lock = threading.Lock()

    def RegisterResourceHook(self, request: Any) -> Any:  # noqa: N802
        self._run.hooks.register(request)
        return empty_pb2.Empty()

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        if "::pulumi:pulumi:Stack::" in request.urn:
            self._run.record.outputs = plain(request.outputs)
            self._run.record.secret_outputs = secret_keys(request.outputs)
        return empty_pb2.Empty()

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        urn = self.make_urn(request.parent, request.type, request.name)
        try:
            return resource_pb2.ReadResourceResponse(urn=urn, properties=struct(self._read(request)))
        except Exception as error:
            self._run.record.fail(f"{request.name} ({request.type})", error)
            raise

    def _read(self, request: Any) -> dict[str, Any]:
        if not request.type.startswith("kubernetes:"):
            raise UnsupportedError("this type needs its provider, and so the Pulumi engine")
        namespace, _, name = request.id.rpartition("/")
        group, _, kind = request.type.removeprefix("kubernetes:").rpartition(":")
        live = self._cluster(request.provider).get(Ref(group.removeprefix("core/"), kind, namespace, name))
        if live is None:
            raise UnsupportedError(f"there is no {kind} {request.id} to read")
        return live

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        urn = self.make_urn(request.parent, request.type, request.name)
        if not request.custom and not request.remote:  # a component, or the stack itself
            return resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)
        progress = self._run.record.progress
        try:
            if progress.stop.is_set():
                raise StoppedError
            identifier, outputs = self._register(request, urn)
        except StoppedError as error:
            if str(error):
                progress.say(f"  stopped: {error}")
            return resource_pb2.RegisterResourceResponse(urn=urn, result=resource_pb2.Result.SKIP)
        except Exception as error:  # it belongs to this resource, and the program learns of it by the result
            self._run.record.fail(f"{request.name} ({request.type})", error)
            return resource_pb2.RegisterResourceResponse(urn=urn, result=resource_pb2.Result.FAIL)
        secret = secret_keys(request.object) | set(request.additionalSecretOutputs)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=identifier, object=struct(outputs, secret))

    def _register(self, request: Any, urn: str) -> tuple[str, dict[str, Any]]:
        if request.type == "pulumi:providers:kubernetes":
            inputs = plain(request.object)
            identifier = str(uuid.uuid4())
            self._cluster(f"{urn}::{identifier}", inputs)
            return identifier, inputs
        if not request.type.startswith("kubernetes:") or request.remote:
            raise UnsupportedError("this type needs its provider, and so the Pulumi engine")
        cluster = self._cluster(request.provider)
        if request.type == "kubernetes:helm.sh/v3:Release":
            return register_release(self._run, request, urn, cluster)
        return register_object(self._run, request, urn, cluster)

    def _cluster(self, provider: str, inputs: Mapping[str, Any] | None = None) -> Cluster:
        """The cluster of an explicit provider; without one, what `kubernetes:*` config or the kubeconfig names."""
        with self._lock:
            if provider not in self._clusters:
                if (inputs or {}).get("renderYamlToDirectory"):
                    raise UnsupportedError("renderYamlToDirectory needs the Pulumi engine")
                self._clusters[provider] = cluster_of(inputs if inputs is not None else default_inputs(self._config))
                self._run.record.clusters.append(self._clusters[provider])
            return self._clusters[provider]


def default_inputs(config: Mapping[str, str]) -> dict[str, str]:
    """The inputs of the default provider, from the stack's config."""
    return {key.removeprefix("kubernetes:"): value for key, value in config.items() if key.startswith("kubernetes:")}


def cluster_of(inputs: Mapping[str, Any]) -> Cluster:
    """The cluster that a provider's inputs choose."""
    return Cluster(inputs.get("kubeconfig"), inputs.get("context"), inputs.get("namespace"))
