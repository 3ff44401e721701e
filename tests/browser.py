"""A headless Chromium for tests: the one on the PATH, else playwright's own; where there is none, a loud skip."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NONE = (
    "NOT TESTED: the drawing in a browser. There is no Chromium on the PATH, and playwright has none of its own "
    "(install one: apt install chromium, or: playwright install chromium)"
)


@contextlib.contextmanager
def chromium() -> Iterator:
    """A playwright browser. Skips the test, with the reason, where there is none."""
    api = pytest.importorskip(
        "playwright.sync_api", reason="NOT TESTED: the drawing in a browser: the package playwright is not installed"
    )
    with api.sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, NAMES)), None)
        try:
            browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        except api.Error as error:
            if found is None:
                pytest.skip(NONE)
            raise AssertionError(f"{found} does not start: {error}") from error
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page with what it asked for and what went wrong in it: `requests`, `errors`."""

    def __init__(self, browser, width: int = 1280, height: int = 900, **options):
        self.page = browser.new_page(viewport={"width": width, "height": height}, **options)
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)


def until(shown, condition: str, seconds: float = 30.0) -> None:
    """Wait for a condition; the page's own rules forbid the browser's way, which evaluates text in the page."""
    end = time.monotonic() + seconds
    while not shown.evaluate(condition):
        assert time.monotonic() < end, f"not within {seconds} s: {condition}"
        shown.wait_for_timeout(50)
