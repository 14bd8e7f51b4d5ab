"""A real server and a real Chromium. Skipped where Chromium is absent, except in CI, where that is a failure."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)  # a busy machine is slow, not wrong


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_until_healthy(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if server.poll() is not None:
            pytest.fail(f"the server stopped at start:\n{log.read_text()}")
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1) as answer:
                if answer.read() == b"ok":
                    return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the server was not healthy within 60 s:\n{log.read_text()}")


@contextmanager
def running_server(log: Path) -> Iterator[str]:
    """Serve app.py as `make run` does, on a free port of its own; yields the address."""
    port = _free_port()
    settings = os.environ | {"STREAMLIT_SERVER_PORT": str(port), "STREAMLIT_SERVER_HEADLESS": "true"}
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py"],
            cwd=ROOT,
            env=settings,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_until_healthy(server, address, log)
            yield address
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of one server for the whole test session."""
    with running_server(tmp_path_factory.mktemp("server") / "server.log") as address:
        yield address


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[str]:
    """Address of a server that nobody has visited yet."""
    with running_server(tmp_path / "server.log") as address:
        yield address


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for the whole test session."""
    if not CHROMIUM.exists():
        message = f"{CHROMIUM} is absent; install chromium to run the browser tests"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


class Visitor:
    """A page in a browser of its own, which remembers every request that it sent to another machine."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.strangers: list[str] = []
        page.on("request", self._note)
        page.set_default_timeout(PATIENCE_MS)

    def _note(self, request: Request) -> None:
        where = urlsplit(request.url)
        if where.scheme in ("http", "https", "ws", "wss") and where.hostname != "127.0.0.1":
            self.strangers.append(request.url)

    def open(self, address: str, heading: str | re.Pattern[str] | None = None) -> Page:
        """Go to `address` and wait until it is drawn: its heading is there and nothing runs."""
        self.page.goto(address)
        self.settle(heading)
        return self.page

    def settle(self, heading: str | re.Pattern[str] | None = None) -> None:
        """Wait for the first-level heading and for the end of the script's run."""
        title = self.page.get_by_role("heading", level=1)
        if heading is not None:
            title = title.filter(has_text=heading)
        expect(title).to_be_visible(timeout=PATIENCE_MS)
        expect(self.page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=PATIENCE_MS)

    def check(self) -> None:
        """No exception is on the screen and nothing was asked of another machine."""
        assert self.page.get_by_test_id("stException").count() == 0, "an exception is on the screen"
        assert self.strangers == [], "requests left this machine"


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Visitor]]:
    """`visit(width=1440, height=900, dark=False)` opens a browser window that nobody has used before."""
    contexts = []

    def open_window(width: int = 1440, height: int = 900, dark: bool = False) -> Visitor:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        return Visitor(context.new_page())

    yield open_window
    for context in contexts:
        context.close()
