"""What `pip install .` installs: one version, every file that the dashboard reads, and a command that serves it."""

from __future__ import annotations

import socket
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path

from packaging.requirements import Requirement

import iffair_core

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WHEEL = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]


def test_version_and_dependencies_stand_in_one_place():
    assert PROJECT["project"]["dynamic"] == ["version", "dependencies"]
    assert PROJECT["tool"]["hatch"]["metadata"]["hooks"]["requirements_txt"]["files"] == ["requirements.txt"]
    source = (ROOT / PROJECT["tool"]["hatch"]["version"]["path"]).read_text(encoding="utf-8")
    assert f'__version__ = "{iffair_core.__version__}"' in source
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").split("\n")
    assert {Requirement(line).name for line in lines if line} >= {"streamlit", "numpy"}


def test_everything_beside_app_py_that_it_needs_is_installed_with_it():
    included = WHEEL["force-include"]
    assert WHEEL["packages"] == ["iffair_core"]
    assert set(included) == {"app.py", "pages", "assets", ".streamlit/config.toml"}
    for source, target in included.items():
        assert (ROOT / source).exists() and target == f"iffair_dashboard/{source}"


def test_the_dashboard_opens_from_any_folder_and_takes_streamlits_options(tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    (tmp_path / "pages.py").write_text("raise RuntimeError('not these pages')")
    start = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from iffair_core.__main__ import main; sys.exit(main())"
    server = subprocess.Popen(
        [sys.executable, "-c", start, "ui", "--server.port", str(port), "--server.headless", "true"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        shown = next(line for line in server.stdout if "URL" in line)
        assert f"http://127.0.0.1:{port}" in shown  # the address is that of the shipped settings
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=30) as answer:
            assert answer.read() == b"ok"
    finally:
        server.terminate()
        server.communicate(timeout=30)
