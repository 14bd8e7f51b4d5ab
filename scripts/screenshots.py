"""Take the README's pictures: one of each page, from a server of its own. Needs Chromium.

.venv/bin/python scripts/screenshots.py [page ...]
"""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--use-gl=angle", "--use-angle=swiftshader",
         "--enable-unsafe-swiftshader"]  # fmt: skip
PAGES = ("data", "baseline", "influence", "reweight", "compare", "report", "learn")
DRAWN_MS = 4_000


def main(pages: list[str]) -> None:
    """Serve the dashboard, wait for the example's study, and take the pictures."""
    unknown = [page for page in pages if page not in PAGES]
    if unknown:
        sys.exit(f"There is no page {', '.join(unknown)}. Choose among {', '.join(PAGES)}.")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    settings = os.environ | {"STREAMLIT_SERVER_PORT": str(port), "STREAMLIT_SERVER_HEADLESS": "true"}
    server = subprocess.Popen([sys.executable, "-m", "streamlit", "run", "app.py"], cwd=ROOT, env=settings)
    try:
        _take(f"http://127.0.0.1:{port}", pages)
    finally:
        server.terminate()
        server.wait(10)


def _take(address: str, pages: list[str]) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        window = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light").new_page()
        window.goto(f"{address}/data")
        window.get_by_text("Results are up to date").wait_for(timeout=120_000)
        for page in pages:
            window.goto(f"{address}/{page}")
            window.get_by_role("heading", level=1).wait_for()
            window.get_by_test_id("stStatusWidget").wait_for(state="detached")
            window.wait_for_timeout(DRAWN_MS)
            file = IMAGES / f"{page}.png"
            # 256 colors are enough for a screen, and keep the file small.
            Image.open(io.BytesIO(window.screenshot())).convert("RGB").quantize(256).save(file, optimize=True)
            print(f"{file.relative_to(ROOT)}: {file.stat().st_size // 1000} kB")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:] or list(PAGES))
