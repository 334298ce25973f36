"""Serves a Gradio page to this machine alone, or, with a password, to others."""

from __future__ import annotations

import contextlib
import hmac
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from importlib import resources
from typing import TYPE_CHECKING, Any

from dfdetect_jax.errors import SettingsError
from dfdetect_jax.pages.security import LOCAL, check_access, middleware

if TYPE_CHECKING:
    import argparse

    import gradio as gr

PORT = 7860
_MEGABYTE = 1_000_000
_ACCENT, _ACCENT_DARK, _SOFT = "#0b5394", "#083d6d", "#46536a"  # as in the style sheets
_CLEAN_SECONDS = 600  # after which uploads are deleted, and how often that is looked at
_FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "DejaVu Sans", "sans-serif"]


def add_server_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of where and to whom a page is served."""
    group = parser.add_argument_group("server")
    group.add_argument("--port", type=int, default=0, help=f"port (default: the first free one from {PORT} on)")
    group.add_argument(
        "--host",
        default=LOCAL,
        help="address to listen on; one that other machines reach needs a password (%(default)s)",
    )
    group.add_argument(
        "--password_from",
        default="",
        metavar="VARIABLE",
        help="environment variable with a password that the page asks for, with any user name",
    )


def password_of(args: argparse.Namespace) -> str:
    """The password from the environment; "" for none. Checks that the page may be opened.

    Raises:
        SettingsError: the variable is empty, other machines would reach a page without a password, or the port is
            taken.
    """
    password = os.environ.get(args.password_from, "") if args.password_from else ""
    if args.password_from and not password:
        raise SettingsError(f"--password_from: expected a password in ${args.password_from}, found none; set it")
    check_access(args.host, password)
    check_free(args.host, args.port)
    return password


def check_free(host: str, port: int) -> None:
    """Refuses a port that another program has, before a detector is opened for nothing; 0 is free.

    Raises:
        SettingsError: it is taken or no port, or the address is not this machine's.
    """
    if not 0 <= port < 2**16:
        raise SettingsError(f"--port: expected a number from 0 to {2**16 - 1}, found {port}")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host.strip("[]"), port), family=family).close()
    except OSError as error:
        raise SettingsError(
            f"--port {port}, --host {host}: expected a free port of this machine, found none "
            f"({error.strerror or error}); name another, or leave --port out for the first free one from {PORT} on"
        ) from error


def load_gradio() -> Any:
    """The library, with its statistics and its look for newer versions off.

    Raises:
        SettingsError: it is not installed.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    try:
        import gradio
    except ImportError as error:
        raise SettingsError(f"pages need Gradio ({error}); pip install 'dfdetect_jax[annotate]'") from error
    return gradio


def template(name: str) -> str:
    """A file of `templates/`."""
    return (resources.files("dfdetect_jax.pages") / "templates" / name).read_text(encoding="utf-8")


@contextlib.contextmanager
def private_uploads() -> Iterator[None]:
    """Keeps uploads in a folder of this process's own, deleted at the end."""
    folder = tempfile.mkdtemp(prefix="dfdetect_jax-page-")
    before = os.environ.get("GRADIO_TEMP_DIR")
    os.environ["GRADIO_TEMP_DIR"] = folder
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if before is None:
            os.environ.pop("GRADIO_TEMP_DIR", None)
        else:
            os.environ["GRADIO_TEMP_DIR"] = before


def launch(
    page: gr.Blocks,
    *,
    host: str = LOCAL,
    port: int = 0,
    password: str = "",
    most_megabytes: int = 1,
    routes: tuple[str, ...] = (),
    css: str = "",
) -> str:
    """Serves a page in threads of this process.

    Args:
        page: to serve.
        host: address to listen on.
        port: port; 0 for the first free one from `PORT` on.
        password: that the page asks for; "" for none.
        most_megabytes: of one request.
        routes: see `security.middleware`.
        css: of the page.

    Returns:
        The page's address.

    Raises:
        SettingsError: the port is taken, or the address is not this machine's.
    """
    try:
        _, url, _ = page.launch(
            server_name=host,
            server_port=port or None,
            auth=(lambda _, given: hmac.compare_digest(given.encode(), password.encode())) if password else None,
            max_file_size=most_megabytes * _MEGABYTE,
            app_kwargs={"middleware": middleware(host, most_megabytes * _MEGABYTE, routes), "openapi_url": None},
            share=False,
            inbrowser=False,
            prevent_thread_lock=True,
            quiet=True,
            show_error=False,
            allowed_paths=[],
            enable_monitoring=False,
            run_history=False,
            strict_cors=True,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            footer_links=[],
            theme=_theme(),
            css=css,
        )
    except OSError as error:
        raise SettingsError(
            f"--port {port or PORT}, --host {host}: expected a free port, found none; name others"
        ) from error
    return str(url)


def _theme() -> Any:
    """Fonts of the machine, colours with the contrast of WCAG AA, and no dark variant: pictures are judged on white."""
    import gradio

    theme = gradio.themes.Base(font=_FONTS, font_mono=["ui-monospace", "DejaVu Sans Mono", "monospace"])
    theme = theme.set(
        **dict.fromkeys(("button_primary_background_fill", "slider_color", "link_text_color"), _ACCENT),
        button_primary_background_fill_hover=_ACCENT_DARK,
        **dict.fromkeys(
            (
                "body_text_color_subdued",
                "block_label_text_color",
                "block_title_text_color",
                "block_info_text_color",
                "input_placeholder_color",
            ),
            _SOFT,
        ),
    )
    for name in [name for name in vars(theme) if name.endswith("_dark")]:
        setattr(theme, name, getattr(theme, name.removesuffix("_dark")))
    return theme


def blocks(title: str) -> gr.Blocks:
    """An empty page."""
    import gradio

    return gradio.Blocks(title=title, analytics_enabled=False, delete_cache=(_CLEAN_SECONDS, _CLEAN_SECONDS))


def wait() -> None:
    """Waits for Ctrl-C or a SIGTERM, which end it by an exception."""
    forever = threading.Event()
    while True:
        forever.wait(3600)
