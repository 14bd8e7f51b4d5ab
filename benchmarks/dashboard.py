"""The dashboard in Chromium: first paint, the slider, many visitors at once, studies that are canceled.

python -m benchmarks.dashboard [--rounds 10] [--visitors 20] [--cancels 100]

Paint: seconds from opening `/` until the finding's heading and until the first picture are there, in a browser with an
empty cache and in one that has been here. Slider: seconds from a key on the strength until its sentence is there.
Visitors: each with a browser context and a file of their own, whose names nobody else may see; all run a study at once.
Memory is that of the server after one such visitor had come and gone, and after all have and one more.
Needs /usr/bin/chromium.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks.machine import print_table, print_targets, write
from tests.browser.conftest import CHROMIUM, FLAGS, Visitor, running_server

PAINT, SLIDE, MEMORY = 3.0, 0.2, 1.2
ROWS = 20_000
REST_MS = 1_500
KEPT_SECONDS = 150.0
"""Streamlit keeps a session that left for two minutes, and lets go of it when the next one comes or goes."""
GONE_SECONDS = 90.0
"""Patience until the memory of sessions that the server let go of is free."""
TURN_MS = 600_000
"""Patience while all visitors share this machine's cores with the server that they visit."""
SENTENCE = "[...document.querySelectorAll('h3, h2')].map(one => one.innerText).find(one => one.includes('At strength'))"


def painted(page: Page, address: str) -> tuple[float, float]:
    """Seconds until the finding's heading, and until a picture, after `/` is opened."""
    started = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.get_by_role("heading", level=1).wait_for()
    heading = time.perf_counter() - started
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    return heading, time.perf_counter() - started


def paint(start: Callable[[], Browser], address: str, rounds: int) -> list[dict[str, object]]:
    """Medians of `rounds` openings with an empty cache, each in a new browser, and with a full one."""
    cold, warm = [], []
    for _ in range(rounds + 1):
        browser = start()
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        cold.append(painted(page, address))
        if len(cold) > rounds:
            warm = [painted(page, address) for _ in range(rounds)]
        browser.close()
    return [
        {"cache": cache, "heading": statistics.median(heads), "picture": statistics.median(pictures)}
        for cache, runs in (("empty", cold[1:]), ("full", warm))
        for heads, pictures in [zip(*runs, strict=True)]
    ]


def slide(browser: Browser, address: str, rounds: int) -> list[float]:
    """Seconds from a key to the sentence of the new strength, back and forth between two that were shown before."""
    visitor = Visitor(browser.new_page(viewport={"width": 1440, "height": 900}))
    page = visitor.open(address, "reweight")
    visitor.finished()
    seconds = []
    for place in range(rounds + 2):
        page.wait_for_timeout(REST_MS)
        before = page.evaluate(SENTENCE)
        page.get_by_role("slider", name="Strength").focus()
        started = time.perf_counter()
        page.keyboard.press("ArrowLeft" if place % 2 else "ArrowRight")
        page.wait_for_function(f"before => {SENTENCE} !== before", arg=before, polling=10)
        seconds.append(time.perf_counter() - started)
    page.context.close()
    return seconds[2:]


def table(place: int) -> pd.DataFrame:
    """A table whose columns and values carry the visitor's number."""
    draw = np.random.default_rng(place)
    side = draw.choice([f"north{place}x", f"south{place}x"], ROWS)
    skill = draw.normal(0.4 * (side == f"north{place}x"), 1.0)
    return pd.DataFrame(
        {
            f"skill{place}x": skill.round(2),
            f"years{place}x": draw.integers(0, 30, ROWS),
            f"side{place}x": side,
            f"hired{place}x": np.where(skill + draw.normal(0, 0.7, ROWS) > 0.3, "yes", "no"),
        }
    )


class Guest(Visitor):
    """A visitor with a table of their own."""

    def __init__(self, browser: Browser, place: int) -> None:
        super().__init__(browser.new_context(viewport={"width": 1440, "height": 900}).new_page())
        self.place = place
        self.page.set_default_timeout(TURN_MS)

    def bring(self, address: str, folder: Path) -> None:
        """Open the Data page with the choices in its address and give it the table."""
        mine = folder / f"visitor{self.place}x.csv"
        table(self.place).to_csv(mine, index=False)
        self.open(address, "data")
        self.upload(mine)
        expect(self.card).to_contain_text(f"{ROWS:,} rows")
        for choice, value in (("target", f"hired{self.place}x"), ("favorable", "yes"), ("sensitive", self.side)):
            self.pick(f"choice_{choice}", value)

    @property
    def side(self) -> str:
        return f"side{self.place}x"

    def run(self) -> None:
        self.page.locator(".st-key-card_run button").click()

    def strangers_names(self) -> list[str]:
        """Names on the screen that carry another visitor's number."""
        words = self.page.get_by_test_id("stApp").inner_text()
        return [
            word
            for word in re.findall(r"(?:side|hired|north|south|skill|years|visitor)(\d+)x", words)
            if int(word) != self.place
        ]


def memory(server: int) -> int:
    """Bytes that the server holds."""
    status = Path(f"/proc/{server}/status").read_text()
    return 1024 * int(re.search(r"VmRSS:\s+(\d+)", status)[1])


def threads(server: int) -> int:
    return len(list(Path(f"/proc/{server}/task").iterdir()))


def settled(read: Callable[[], int], enough: float) -> int:
    """What `read` says once it is at most `enough`, or after `GONE_SECONDS`."""
    until = time.perf_counter() + GONE_SECONDS
    while (found := read()) > enough and time.perf_counter() < until:
        time.sleep(1.0)
    return found


def visits(browser: Browser, address: str, server: int, folder: Path, count: int) -> dict[str, object]:
    """`count` visitors at once: all finish, none sees another's names; memory before, at most and after."""

    def come(places: range) -> tuple[float, int]:
        guests = [Guest(browser, place) for place in places]
        for guest in guests:
            guest.bring(address, folder)
        started = time.perf_counter()
        for guest in guests:
            guest.run()
        for guest in guests:
            guest.finished()
        seconds = time.perf_counter() - started
        for guest in guests:
            for name in ("influence", "report"):
                guest.turn_to(name)
                expect(guest.page.get_by_test_id("stMain")).to_contain_text(re.compile(rf"\w{guest.place}x"))
                foreign.extend(guest.strangers_names())
            guest.check()
        most = memory(server)
        for guest in guests:
            guest.page.context.close()
        return seconds, most

    foreign: list[str] = []
    come(range(1))
    time.sleep(KEPT_SECONDS)
    before = memory(server)
    seconds, most = come(range(1, count + 1))
    time.sleep(KEPT_SECONDS)
    last = Visitor(browser.new_page())
    last.open(address, "learn")
    last.page.context.close()
    after = settled(lambda: memory(server), before * 1.05)
    megabytes = {"before MB": before / 1e6, "most MB": most / 1e6, "after MB": after / 1e6}
    return {"visitors": count, "rows each": ROWS, "seconds": seconds, "names of others": len(foreign), **megabytes}


def cancel(browser: Browser, address: str, server: int, folder: Path, count: int) -> dict[str, object]:
    """`count` studies that are started and canceled: the server's threads before and after."""
    guest = Guest(browser, count)
    guest.bring(address, folder)
    guest.settle()
    seconds, before = [], 0
    for place in range(count + 1):
        guest.run()
        button = guest.page.locator(".st-key-card_cancel button")
        button.wait_for()
        started = time.perf_counter()
        button.click()
        expect(button).to_have_count(0)
        guest.page.locator(".st-key-card_run button:enabled").wait_for()
        seconds.append(time.perf_counter() - started)
        before = before if place else threads(server)
    after = settled(lambda: threads(server), before)
    guest.page.context.close()
    return {"cancels": count, "median seconds": statistics.median(seconds), "threads before": before, "after": after}


def main() -> None:
    """Print the tables and write results/dashboard.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--cancels", type=int, default=100)
    options = parser.parse_args()
    expect.set_options(timeout=TURN_MS)
    found: dict[str, object] = {}
    targets: dict[str, tuple[float, float]] = {}
    with (
        tempfile.TemporaryDirectory() as place,
        running_server(Path(place) / "server.log") as (address, server),
        sync_playwright() as playwright,
    ):

        def start() -> Browser:
            return playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)

        browser = start()
        if options.rounds:
            paints = paint(start, address, options.rounds)
            print_table(paints)
            slides = slide(browser, address, options.rounds)
            targets["first picture, empty cache, seconds"] = float(str(paints[0]["picture"])), PAINT
            targets["sentence of a moved slider, seconds"] = statistics.median(slides), SLIDE
            found |= {"paint": paints, "slider": slides}
        if options.visitors:
            many = visits(browser, address, server, Path(place), options.visitors)
            print_table([many])
            targets["memory after the visitors, of before"] = many["after MB"] / many["before MB"], MEMORY
            targets["names of other visitors on a screen"] = many["names of others"], 0
            found["visitors"] = many
        if options.cancels:
            ended = cancel(browser, address, server, Path(place), options.cancels)
            print_table([ended])
            targets["threads left by canceled studies"] = ended["after"] - ended["threads before"], 0
            found["cancels"] = ended
        browser.close()
    print_targets(targets)
    print(write("dashboard", {**found, "targets": targets}))


if __name__ == "__main__":
    main()
