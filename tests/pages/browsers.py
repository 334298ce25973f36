"""A headless Chromium for the tests of pages, or a clear word why there is none."""

import contextlib
import shutil
import socket
from collections.abc import Iterator

import pytest

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")


@contextlib.contextmanager
def chromium() -> Iterator:
    """A browser, driven by Playwright; skips the test where one of them is missing."""
    api = pytest.importorskip("playwright.sync_api", reason="no playwright; pip install 'dfdetect_jax[test]'")
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        pytest.skip("no Chromium; apt-get install chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """A tab of the browser with all that it asked for and complained about."""

    def __init__(self, browser, url: str, width: int = 1280, height: int = 900, ratio: int = 1):
        self.context = browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=ratio)
        self.page = self.context.new_page()
        self.elsewhere: list[str] = []
        self.errors: list[str] = []
        local = (url.rstrip("/"), "data:", "blob:")
        self.page.on("request", lambda each: None if each.url.startswith(local) else self.elsewhere.append(each.url))
        self.page.on("pageerror", lambda each: self.errors.append(str(each)))
        self.page.goto(url)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def contrast_violations(page) -> list[str]:
    """What axe-core finds against WCAG 2 A and AA."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-playwright-python")
    rules = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa"]}}
    found = axe.Axe().run(page, options=rules).response["violations"]
    return [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]]
