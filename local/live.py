"""The Kubernetes API, as plain dicts. In: a kubeconfig and a context. Out: objects, or ApiError / UnreachableError.

kr8s reads the kubeconfig and authenticates (exec plugins, tokens, service accounts); its httpx session does the calls.
Calls may come from many threads: they all run on one event loop in a thread of its own.
"""

import asyncio
import contextlib
import json
import tempfile
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping
from typing import Any

import httpx
import kr8s
import kr8s.asyncio

from local import kubeconfigs
from local.refs import MANAGER, Ref

_AUTHENTICATE_SECONDS = 15.0
_CALL = httpx.Timeout(60.0, connect=5.0)
_TRIES = 3


class ApiError(Exception):
    """The API server's refusal, in its own words."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class UnreachableError(Exception):
    """No API server answers, or the kubeconfig names none."""


class Cluster:
    """One Kubernetes cluster. Nothing is asked before the first call."""

    def __init__(self, kubeconfig: str | None = None, context: str | None = None, namespace: str | None = None) -> None:
        self._files = contextlib.ExitStack()
        self.kubeconfig = kubeconfigs.as_file(kubeconfig, self._files) if kubeconfig else None
        self.context = context or None
        self._namespace = namespace or None
        self._api: Any = None
        self._kinds: dict[str, dict[str, tuple[str, bool]]] = {}
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="kubernetes-api", daemon=True)
        self._thread.start()

    def __str__(self) -> str:
        return f"kubeconfig {kubeconfigs.chosen(self.kubeconfig)}, context {self.context or 'current'}"

    def close(self) -> None:
        """Close the connections and remove the private files."""
        session = getattr(self._api, "_session", None)
        if session:
            self._run(session.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._files.close()

    def _run(self, call: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(call, self._loop).result()

    def _connected(self) -> Any:
        with self._lock:
            if self._api is None:
                try:
                    self._api = self._run(asyncio.wait_for(self._authenticated(), _AUTHENTICATE_SECONDS))
                # kr8s: ValueError, KeyError, IndexError, OSError, ... for unusable kubeconfigs.
                except Exception as error:
                    reason = kubeconfigs.fault(self.kubeconfig) or _words(error)
                    raise UnreachableError(f"no usable Kubernetes configuration in {self}: {reason}") from error
        return self._api

    async def _authenticated(self) -> Any:
        """kr8s' client, not by its factory: that one asks for the server's version, without a timeout."""
        # kr8s writes certificates and keys from the kubeconfig into temporary files and leaves them there; ours are
        # removed with this cluster. Remove when: kr8s cleans up after itself.
        private = self._files.enter_context(tempfile.TemporaryDirectory(prefix="kube-"))
        before, tempfile.tempdir = tempfile.tempdir, private
        try:
            api = kr8s.asyncio.Api(
                bypass_factory=True, kubeconfig=self.kubeconfig, context=self.context, namespace=self._namespace
            )
            await api.auth
            await api._create_session()  # else the first calls, side by side, would make one each and leak the others
            return api
        finally:
            tempfile.tempdir = before

    def _no_answer(self, error: BaseException) -> str:
        return f"the Kubernetes API server {self._api.auth.server} does not answer ({self}): {_words(error)}"

    @property
    def namespace(self) -> str:
        """The namespace of objects that name none."""
        return self._namespace or self._connected().namespace or "default"

    def call(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json", **params: str
    ) -> Any:
        """One request; JSON out. Retries what a restarting or busy API server answers."""
        api = self._connected()
        for attempt in range(1, _TRIES + 1):
            try:
                status, text = self._run(self._call(api, method, path, body, content_type, params))
            except (httpx.TransportError, kr8s.APITimeoutError, OSError) as error:
                # A server that is silent for so long is no restarting one: that refuses connections. kr8s wraps it.
                silent = any(isinstance(each, httpx.ConnectTimeout) for each in (error, error.__cause__))
                if attempt == _TRIES or silent:
                    raise UnreachableError(self._no_answer(error)) from error
            else:
                if status < 400:
                    return json.loads(text) if text else None
                if attempt == _TRIES or status not in (429, 502, 503, 504):
                    raise ApiError(status, _message(text) or f"HTTP {status}")
            time.sleep(0.3 * attempt)
        raise AssertionError("unreachable: the last try returns or raises")

    async def _call(
        self, api: Any, method: str, path: str, body: Any, content_type: str, params: Mapping[str, str]
    ) -> tuple[int, str]:
        content = None if body is None else json.dumps(body)
        options = {"content": content, "headers": {"content-type": content_type}, "params": params, "timeout": _CALL}
        _, base, url = path.split("/", 2)
        for attempt in (1, 2):
            async with api.call_api(method, "", f"/{base}", url=url, raise_for_status=False, **options) as answer:
                if answer.status_code != 401 or attempt == 2:
                    return answer.status_code, answer.text
            await api.reauthenticate()
            await api._create_session()  # what kr8s itself does on 401 when it raises for status
        raise AssertionError("unreachable: the second try returns")

    def kind(self, api_version: str, kind: str, fresh: bool = False) -> tuple[str, bool] | None:
        """The plural and whether it lives in namespaces; None where the cluster does not know the kind."""
        known = self._kinds.get(api_version)
        if known is None or (fresh and kind not in known):
            try:
                listed = self.call("GET", _group_path(api_version))
            except ApiError as error:
                if error.status != 404:
                    raise
                return None
            known = {r["kind"]: (r["name"], r["namespaced"]) for r in listed["resources"] if "/" not in r["name"]}
            self._kinds[api_version] = known
        return known.get(kind)

    def path(self, ref: Ref) -> str:
        """The URL path of an object, or of its collection when its name is empty."""
        found = self.kind(ref.api_version, ref.kind, fresh=True)
        if not found:
            raise ApiError(404, f"this cluster has no kind {ref.kind} in {ref.api_version}: its CRD is not installed")
        scope = f"/namespaces/{ref.namespace}" if found[1] and ref.namespace else ""
        return f"{_group_path(ref.api_version)}{scope}/{found[0]}" + (f"/{ref.name}" if ref.name else "")

    def get(self, ref: Ref) -> dict[str, Any] | None:
        """The live object, or None."""
        try:
            return self.call("GET", self.path(ref))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def apply(self, ref: Ref, body: Mapping[str, Any], dry_run: bool = False) -> dict[str, Any]:
        """Server-side apply as `local-apply`. Unknown fields are an error, not pruned in silence."""
        params = {"fieldManager": MANAGER, "force": "true", "fieldValidation": "Strict"}
        if dry_run:
            params["dryRun"] = "All"
        return self.call("PATCH", self.path(ref), dict(body), "application/apply-patch+yaml", **params)

    def delete(self, ref: Ref, propagation: str = "Foreground") -> None:
        """Ask for deletion; gone already is fine."""
        try:
            self.call("DELETE", self.path(ref), {"propagationPolicy": propagation})
        except ApiError as error:
            if error.status != 404:
                raise

    def list(self, api_version: str, kind: str, namespace: str = "", **selectors: str) -> Iterator[dict[str, Any]]:
        """All objects of a kind that the selectors pick; none where the kind is unknown."""
        if self.kind(api_version, kind):
            found = self.call("GET", self.path(Ref(api_version, kind, namespace, "")), **selectors)
            for item in found["items"]:
                yield {**item, "apiVersion": api_version, "kind": kind}


def _group_path(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _message(text: str) -> str:
    try:
        return json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        return text.strip()


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError) or not str(error):
        return f"no answer in time ({type(error).__name__})"
    return str(error)
