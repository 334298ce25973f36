"""What keeps a page closed: who may ask, how much may be sent, and what the browser may load.

Pages listen on 127.0.0.1, are not shared, send no statistics, and load nothing from elsewhere: besides leaving such
links out, a Content-Security-Policy makes the browser refuse them. A request for another host name is refused, so that
a web site that points its own name at this machine (DNS rebinding) can't read the page.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from dfdetect_jax.errors import SettingsError

if TYPE_CHECKING:  # comes with the extra annotate, whose absence `server.load_gradio` reports
    from collections.abc import Sequence

    from starlette.middleware import Middleware
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL = "127.0.0.1"
_LOCAL_NAMES = (LOCAL, "localhost", "[::1]")
# Gradio writes its settings into the page as a script and compiles templates; pictures come inside the page's messages.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
    "worker-src 'self' blob:; frame-src 'none'; frame-ancestors 'none'; form-action 'self'; base-uri 'self'; "
    "object-src 'none'"
)
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
# What the pages use of Gradio's routes. Others are closed: fetching other sites for the browser, streams, monitoring,
# profiling, the history of calls, editing of the page, and the API by name.
_OPEN: tuple[str, ...] = (
    "/config",
    "/theme.css",
    "/assets/",
    "/static/",
    "/svelte/",
    "/favicon.ico",
    "/manifest.json",
    "/robots.txt",
)
_OPEN += ("/login", "/logout", "/token", "/user", "/app_id", "/startup-events", "/heartbeat/", "/component_server")
FILES = ("/queue/", "/upload", "/file=", "/reset", "/cancel", "/info")
"""Of a page with uploads and downloads."""
_BODY_TOO_LARGE = 413


class Hardened:
    """Wraps an application: closes doors, limits what is sent to it, and adds headers to what it answers."""

    def __init__(self, app: ASGIApp, most_bytes: int, routes: tuple[str, ...]):
        """Args: the application; bytes of a request's body that are allowed; routes besides those of every page."""
        self._app, self._most, self._routes = app, most_bytes, (*_OPEN, *routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix("/gradio_api")
        if path != "/" and not path.startswith(self._routes):
            await _refuse(send, 404, b"Not found")
            return
        if _declared_bytes(scope) > self._most:
            await _refuse(send, _BODY_TOO_LARGE, f"at most {self._most:,} bytes are allowed".encode())
            return
        try:
            await self._app(scope, _limited(receive, self._most), _with_headers(send))
        except _TooLargeError:
            await _refuse(send, _BODY_TOO_LARGE, f"at most {self._most:,} bytes are allowed".encode())


class _TooLargeError(Exception):
    """A request without a length turned out to be too long."""


def middleware(host: str, most_bytes: int, routes: tuple[str, ...] = ()) -> list[Middleware]:
    """The layers around a page.

    Args:
        host: address that it listens on.
        most_bytes: of one request.
        routes: of Gradio's that it needs besides those of every page.
    """
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    allowed = list(_LOCAL_NAMES) if is_local(host) else ["*"]
    hardened = Middleware(Hardened, most_bytes=most_bytes, routes=routes)
    return [Middleware(TrustedHostMiddleware, allowed_hosts=allowed), hardened]


def is_local(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_access(host: str, password: str) -> None:
    """Refuses to open a page to other machines without a password.

    Raises:
        SettingsError: the address is one that others reach, and there is no password.
    """
    if not is_local(host) and not password:
        raise SettingsError(
            f"--host {host}: expected a password for a page that other machines reach, found none; set it in the "
            "environment variable that --password_from names"
        )


def _declared_bytes(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


def _limited(receive: Receive, most: int) -> Receive:
    total = 0

    async def limited() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > most:
            raise _TooLargeError
        return message

    return limited


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *_HEADERS]}
        await send(message)

    return with_headers


async def _refuse(send: Send, status: int, words: bytes) -> None:
    headers: Sequence[tuple[bytes, bytes]] = [(b"content-type", b"text/plain"), *_HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": words})
