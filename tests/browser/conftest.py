"""A real server and a real Chromium. Skipped where Chromium is absent, except in CI, where that is a failure."""

from __future__ import annotations

import logging
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Error, Locator, Page, Request, expect, sync_playwright
from urllib3 import PoolManager, Retry
from urllib3.exceptions import HTTPError

from pages.shell.boot import PLACES

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path("/usr/bin/chromium")
# Pages are drawn without a graphics card's help, which a machine without one imitates slowly; WebGL alone has it.
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--enable-unsafe-swiftshader"]
PATIENCE_MS = 120_000
expect.set_options(timeout=PATIENCE_MS)  # a busy machine is slow, not wrong
UNTIL_HEALTHY = Retry(10, backoff_factor=0.05, status_forcelist=[503])  # each wait twice the last, 50 s in all
logging.getLogger("urllib3").setLevel(logging.ERROR)  # a retry is no news
QUESTIONS = {place.name: place.question for place in PLACES}
TITLES = {place.name: place.title for place in PLACES}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running_server(log: Path, port: int | None = None, **more: str) -> Iterator[tuple[str, int]]:
    """Serve app.py as `make run` does, on a free port of its own unless one is named.

    Yields the address and the process's number.
    `more`: environment variables beside the usual ones.
    """
    port = port or free_port()
    address = f"http://127.0.0.1:{port}"
    usual = {"STREAMLIT_SERVER_PORT": str(port), "STREAMLIT_SERVER_HEADLESS": "true", "MALLOC_ARENA_MAX": "2"}
    settings = os.environ | usual | more
    settings["IFFAIR_DATABASE_URL"] = f"sqlite:///{log.parent / 'scenarios.sqlite'}"
    command = [sys.executable, "-m", "streamlit", "run", "app.py"]
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=ROOT, env=settings, stdout=output, stderr=subprocess.STDOUT)
        try:
            PoolManager(retries=UNTIL_HEALTHY).request("GET", f"{address}/_stcore/health")
            yield address, server.pid
        except HTTPError:
            pytest.fail(f"the server did not become healthy:\n{log.read_text()}")
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@pytest.fixture(scope="session")
def server(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of one server for all tests of this process."""
    with running_server(tmp_path_factory.mktemp("server") / "server.log") as (address, _):
        yield address


@pytest.fixture
def fresh_server(chromium: Browser, tmp_path: Path) -> Iterator[str]:
    """Address of a server that nobody has visited yet."""
    with running_server(tmp_path / "server.log") as (address, _):
        yield address


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for all tests of this process."""
    if not CHROMIUM.exists():
        message = f"{CHROMIUM} is absent; install chromium to run the browser tests"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


CLICKED = """(row, wanted) => {
  if (!new RegExp(wanted).test(row.textContent)) throw Error(`the list moved: ${row.textContent}`);
  row.click();
}"""
"""Click a row of a list, read in the same breath: a list that is filtered meanwhile puts another text into its rows."""

TABLE_INPUT = "[class*='st-key-upload'] input[type=file]"
"""Where a table is given; a settings.json has a place of its own."""


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

    def open(self, server: str, name: str = "", query: str = "") -> Page:
        """Open a place by its address and wait until it is drawn: its question is there and nothing runs."""
        self.page.goto(f"{server}/{name}{query}")
        self.settle(name)
        return self.page

    def turn_to(self, name: str) -> None:
        """Open a place by its link in the navigation."""
        self.page.get_by_test_id("stSidebarNavLink").filter(has_text=TITLES[name]).click()
        self.settle(name)

    def settle(self, name: str = "") -> None:
        """Wait for the question of a place, or for any, and for the end of the script's run."""
        title = self.page.get_by_role("heading", level=1)
        expect(title.filter(has_text=QUESTIONS[name]) if name else title).to_be_visible()
        expect(self.page.get_by_test_id("stStatusWidget")).to_have_count(0)

    @property
    def card(self) -> Locator:
        """The study card."""
        return self.page.locator(".st-key-study_card")

    def finished(self) -> None:
        """Wait until the card says that results are up to date and a picture is drawn."""
        expect(self.card).to_contain_text("Results are up to date")
        expect(self.page.locator(".js-plotly-plot .main-svg").first).to_be_visible()

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    @property
    def query(self) -> dict[str, list[str]]:
        """What the address says."""
        return parse_qs(urlsplit(self.page.url).query)

    def wait_for(self, name: str, value: str) -> None:
        """Until the address has this value."""
        has = "([name, value]) => new URLSearchParams(location.search).getAll(name).some(one => one.startsWith(value))"
        self.page.wait_for_function(has, arg=[name, value])

    def upload(self, file: Path) -> None:
        """Give the Data page a file of one's own."""
        own = self.page.get_by_role("radio", name="Your own file")
        own.or_(self.page.get_by_role("button", name="Your own file")).click()
        self.page.locator(TABLE_INPUT).set_input_files(file)

    def pick(self, box: str, value: str, option: re.Pattern[str] | None = None) -> None:
        """Choose a value in a select box; once more where the page was drawn anew meanwhile, which folds the list."""
        entry = self.page.locator(f".st-key-{box} input").first
        for patience in (5_000, 5_000, 10_000, 20_000):
            self.settle()
            try:
                entry.click(timeout=patience)
                entry.fill(value)
                one = self.page.get_by_role("option", name=option or value, exact=option is None)
                one.evaluate(CLICKED, option.pattern if option else f"^{re.escape(value)}$", timeout=patience)
                break
            except Error:
                self.page.keyboard.press("Escape")
        else:
            pytest.fail(f"{value} cannot be chosen in {box}")
        if self.page.locator(f".st-key-{box}").get_by_test_id("stMultiSelect").count():
            self.page.keyboard.press("Escape")  # folds the list, which stays open for more; elsewhere it takes back
        self.settle()

    def download(self, button: str) -> bytes:
        """Click a download button and return the file."""
        with self.page.expect_download() as given:
            self.page.get_by_role("button", name=button).first.click()
        return Path(given.value.path()).read_bytes()

    def check(self) -> None:
        """No exception is on the screen and nothing was asked of another machine."""
        assert self.page.get_by_test_id("stException").count() == 0, "an exception is on the screen"
        assert self.strangers == [], "requests left this machine"


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Visitor]]:
    """`visit(width=1440, height=900, dark=False)` opens a browser window that nobody has used before.

    At the end, every window is checked: no exception, no request to another machine.
    """
    visitors = []

    def open_window(width: int = 1440, height: int = 900, dark: bool = False) -> Visitor:
        scheme, size = "dark" if dark else "light", {"width": width, "height": height}
        context = chromium.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
        visitors.append(Visitor(context.new_page()))
        return visitors[-1]

    yield open_window
    try:
        for visitor in visitors:
            visitor.check()
    finally:
        for visitor in visitors:
            visitor.page.context.close()
