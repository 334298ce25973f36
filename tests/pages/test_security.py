import asyncio

import pytest

pytest.importorskip("starlette", reason="no Gradio; pip install 'dfdetect_jax[annotate]'")

from dfdetect_jax.errors import SettingsError
from dfdetect_jax.pages.security import FILES, check_access, is_local, middleware


async def _answers(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"page"})


def ask(path="/", host="127.0.0.1:7860", parts=(b"",), length=None, routes=(), listening="127.0.0.1"):
    """(status, headers) of a request to a page of at most 100 bytes."""
    app = _answers
    for layer in reversed(middleware(listening, 100, routes)):
        app = layer.cls(app, *layer.args, **layer.kwargs)
    headers = [(b"host", host.encode())] + ([(b"content-length", str(length).encode())] if length else [])
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "scheme": "http", "query_string": b""}
    waiting = [{"type": "http.request", "body": part, "more_body": n < len(parts)} for n, part in enumerate(parts, 1)]
    sent = []

    async def receive():
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"])


@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/component_server", "/assets/index.js", "/login"])
def test_what_the_page_needs_is_answered(path):
    assert ask(path)[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/proxy=https://example.org/",
        "/proxy=http://169.254.169.254/",
        "/gradio_api/file=/etc/passwd",
        "/file//etc/passwd",
        "/gradio_api/upload",
        "/gradio_api/queue/join",
        "/gradio_api/run/answer",
        "/gradio_api/call/answer",
        "/gradio_api/stream/x",
        "/gradio_api/dev/reload",
        "/monitoring",
        "/profiling/summary",
        "/vibe-code",
        "/run-history/records",
        "/docs",
        "/openapi.json",
        "/../etc/passwd",
    ],
)
def test_what_it_has_no_use_for_is_closed(path):
    assert ask(path)[0] == 404


def test_uploads_are_open_only_on_a_page_that_takes_files():
    assert ask("/gradio_api/upload", routes=FILES)[0] == 200
    assert ask("/gradio_api/proxy=https://example.org/", routes=FILES)[0] == 404


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1.example.org", "10.0.0.7:7860", ""])
def test_another_host_name_is_refused_as_dns_rebinding_would_use_it(host):
    assert ask(host=host)[0] == 400


def test_a_body_over_the_limit_is_refused_whether_declared_or_not():
    assert ask(length=101)[0] == 413
    assert ask(parts=(b"x" * 60, b"x" * 60))[0] == 413
    assert ask(parts=(b"x" * 60, b"x" * 40))[0] == 200


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_the_browser_is_told_to_load_nothing_from_elsewhere(path):
    policy = ask(path)[1][b"content-security-policy"].decode()
    sources = {word for rule in policy.split(";") for word in rule.split()[1:]}
    assert sources <= {"'self'", "'none'", "'unsafe-inline'", "'unsafe-eval'", "data:", "blob:"}
    assert "connect-src 'self'" in policy


def test_other_machines_reach_a_page_only_with_a_password():
    check_access("127.0.0.1", "")
    check_access("0.0.0.0", "secret")
    with pytest.raises(SettingsError, match="expected a password"):
        check_access("0.0.0.0", "")


@pytest.mark.parametrize(("host", "local"), [("localhost", True), ("::1", True), ("0.0.0.0", False), ("box", False)])
def test_only_loopback_counts_as_local(host, local):
    assert is_local(host) == local
