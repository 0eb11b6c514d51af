"""A module proxy that refuses a module of the build."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from devcluster import golang
from devcluster.shell import DevclusterError


@contextmanager
def refusing_proxy() -> Iterator[str]:
    class Refuses(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(403)

        def log_message(self, format: str, *args: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Refuses) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.slow
def test_a_module_that_the_proxy_refuses_is_named_with_its_answer(tmp_path, monkeypatch):
    """With the real Go, on a module of one file that requires another."""
    own, zero = tmp_path / "go" / "own", "h1:" + "A" * 43 + "="
    own.mkdir(parents=True)
    (own / "go.mod").write_text("module own\n\ngo 1.25\n\nrequire example.com/refused v1.0.0\n")
    lines = (f"example.com/refused v1.0.0{part} {zero}\n" for part in ("", "/go.mod"))
    (own / "go.sum").write_text("".join(lines))
    (own / "main.go").write_text('package main\n\nimport _ "example.com/refused"\n\nfunc main() {}\n')
    monkeypatch.setattr(golang, "MODULES", tmp_path / "go")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))

    with refusing_proxy() as address:
        monkeypatch.setenv("GOPROXY", address)
        with pytest.raises(DevclusterError) as error:
            golang.ensure(golang.Product("own", "own", (".",), (), "a second"))

    assert f"{address}/example.com/refused/@v/v1.0.0.zip: 403 Forbidden" in str(error.value)
    assert "GOPROXY must reach a Go module proxy" in str(error.value)
