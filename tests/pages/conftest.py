"""The dashboard in process: AppTest from app.py, on any page, with its errors made visible."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest, app_test

from iffair_core import Study, StudyResult
from pages.kit.errors import UNEXPECTED
from pages.kit.text import NOTHING
from pages.parts.reweight import repair
from pages.session import drafts, uploads
from pages.session.points import Points
from tests.engine.studies import example_study, remember

ROOT = Path(__file__).resolve().parents[2]
READY = "Results are up to date"
measure_all = Points.measure_all


class VisitedServer(PagesManager):
    """Pages as on a server where app.py has run before; AppTest otherwise takes every run for the first of a server."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        PagesManager.uses_pages_directory = False
        super().__init__(*args, **kwargs)


@pytest.fixture(autouse=True)
def visited_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_test, "PagesManager", VisitedServer)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, a run waits for a small file, and a study that took long is followed by another."""
    monkeypatch.setattr(uploads, "QUICK_SECONDS", 60.0)
    monkeypatch.setattr(repair, "BY_ITSELF_SECONDS", float("inf"))


@pytest.fixture(autouse=True)
def scenarios_of_this_test(tmp_path: Path) -> Iterator[None]:
    """No test sees, or adds to, the scenarios and drafts of whoever runs it; AppTest's browser has no cookies."""
    with pytest.MonkeyPatch.context() as patch:  # a test may undo its own
        patch.setattr(drafts, "_cookie", lambda: None)
        patch.setenv("IFFAIR_DATABASE_URL", f"sqlite:///{tmp_path / 'scenarios' / 'kept.sqlite'}")
        yield


@pytest.fixture(autouse=True)
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a page has studied of the example need not be studied again to know what should be on the screen."""
    run = Study.run

    def noted(study: Study, *given: Any, **named: Any) -> StudyResult:
        result = run(study, *given, **named)
        if not named.get("bare"):
            remember(study, result)
        return result

    monkeypatch.setattr(Study, "run", noted)


@pytest.fixture(autouse=True)
def no_more_than_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Points are measured when they are asked for and not ahead; installed packages are not searched for components."""
    monkeypatch.setattr(Points, "measure_all", lambda *_: None)
    monkeypatch.setattr(BidiComponentManager, "discover_and_register_components", lambda *_, **__: None)


def background_work() -> list[threading.Thread]:
    """The threads in which the dashboard works, but for those that only prepare what may be asked; earliest first."""
    work = [thread for thread in threading.enumerate() if thread.daemon and thread.name.startswith("iffair")]
    return [thread for thread in work if thread.name != "iffair-points"]


class Screen:
    """A session of the dashboard. Every run is checked: no exception, nothing unexpected."""

    addresses: ClassVar[dict[str, Any]] = {}
    """The pages that the first session of this process found in the navigation."""

    def __init__(
        self, page: str, query: dict[str, str | list[str]] | None = None, user: dict[str, Any] | None = None
    ) -> None:
        self.app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        if not Screen.addresses:
            Screen.addresses = self.app.run()._registered_pages
            self.app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        self.app._registered_pages = Screen.addresses
        self.app.user = user or {}
        for name, value in (query or {}).items():
            self.app.query_params[name] = value
        self.app.switch_page(f"pages/{page}.py")
        self.run()

    def run(self) -> Screen:
        """Run the script once more, and check it."""
        self.app.run()
        assert not self.app.exception, self.app.exception
        unexpected = [error.value for error in self.app.error if UNEXPECTED in error.value]
        assert not unexpected, unexpected
        return self

    def set(self, kind: str, key: str, value: Any) -> Screen:
        """Give a widget another value, and run."""
        getattr(self.app, kind)(key=key).set_value(value)
        return self.run()

    def click(self, key: str) -> Screen:
        """Click a button, and run."""
        self.app.button(key=key).click()
        return self.run()

    def give(self, name: str, content: bytes, key: str = "upload") -> Screen:
        """Give a file to an uploader, and run."""
        self.app.file_uploader(key=key).upload(name, content)
        return self.run()

    def put(self, key: str, value: Any) -> Screen:
        """Put a value into the session, and run."""
        self.app.session_state[key] = value
        return self.run()

    def go(self, page: str) -> Screen:
        """Open another page, as a click in the navigation does: with an empty address."""
        self.app.query_params.clear()
        self.app.switch_page(f"pages/{page}.py")
        return self.run()

    def until(self, reached: Callable[[Screen], bool], seconds: float = 120) -> Screen:
        """Run again and again, each time after some work in the background ended or went on, until `reached`."""
        end = time.monotonic() + seconds
        while not reached(self):
            assert time.monotonic() < end, f"not reached; on the screen: {self.words()}"
            for work in background_work():
                work.join(0.2)
            self.run()
        return self

    def ready(self) -> Screen:
        """Run until the study of the choices is on the screen."""
        return self.until(lambda now: READY in now.words())

    def words(self) -> str:
        """All text on the screen, the sidebar included, without the marks that keep Markdown from reading it."""
        kinds = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error", "success")
        texts = [element.value for kind in kinds for element in getattr(self.app, kind)]
        texts += [element.label for element in self.app.get("metric")]
        return "\n".join(str(text) for text in texts).replace("\\", "").replace(NOTHING, "")

    def widgets(self, kind: str = "button") -> set[str]:
        """The keys of all widgets of a kind."""
        return {one.key for one in self.app.get(kind)}

    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table on the screen, by its first column."""
        return {table.value.columns[0]: table.value for table in self.app.dataframe if len(table.value.columns)}

    @property
    def query(self) -> dict[str, list[str]]:
        """The address' query parameters, each with all its values."""
        return {
            name: list(value) if isinstance(value, (list, tuple)) else [value]
            for name, value in self.app.query_params.items()
        }


def upload(opened: Screen, name: str, content: bytes) -> Screen:
    """Turn to the own file and give one."""
    opened.set("segmented_control", "source_panel", "upload")
    return opened.give(name, content)


def choose_people(opened: Screen) -> Screen:
    """The choices that make a study of the small upload."""
    opened.set("selectbox", "choice_target", "hired")
    opened.set("selectbox", "choice_favorable", "yes")
    return opened.set("multiselect", "choice_sensitive", ["clan"])


@pytest.fixture
def screen() -> Callable[..., Screen]:
    """`screen("data", {"seed": "3"})` opens a page in a new session."""
    return Screen


@pytest.fixture(scope="session")
def people_csv() -> bytes:
    """A small upload: 400 invented people, a number, a category, an outcome that depends on both, missing groups."""
    rows = 400
    frame = pd.DataFrame(
        {
            "years": [(7 * i) % 40 for i in range(rows)],
            "town": [("North", "South", "West")[i % 3] for i in range(rows)],
            "clan": [("Elm", "Oak", "")[0 if i % 5 < 2 else 2 if i % 50 == 3 else 1] for i in range(rows)],
        }
    )
    frame["hired"] = [
        "yes" if (years > 18) ^ (i % 7 == 0) ^ (clan == "Elm" and i % 4 == 0) else "no"
        for i, (years, clan) in enumerate(zip(frame["years"], frame["clan"], strict=True))
    ]
    return frame.to_csv(index=False).encode()


@pytest.fixture
def opened(screen: Callable[..., Screen], people_csv: bytes) -> Screen:
    """The small upload, open on Data with the choices that make a study of it."""
    return choose_people(upload(screen("data"), "people.csv", people_csv))


@pytest.fixture
def example() -> StudyResult:
    return example_study()
