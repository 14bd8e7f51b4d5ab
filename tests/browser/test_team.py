"""A team that signs in: the card, the shared link over the sign-in, whose scenarios are whose, the way out.

The provider is a small one of our own on this machine; Streamlit signs in with it as with any other.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from playwright.sync_api import Browser, Page, expect

from iffair_core.scenarios.store import GONE
from pages.shell.gate import COOKIE
from tests.browser.conftest import free_port, running_server

CLIENT, SECRET = "iffair-test", "a secret that the provider knows"
PEOPLE = {"ada": "Ada <b>$x$</b>", "bo": "Bo"}


class Provider(BaseHTTPRequestHandler):
    """An OpenID provider: it asks who one is, believes it, and says so in a signed token, once for each code."""

    key = RSAKey.generate_key(2048, {"kid": "test"})
    asked: dict[str, dict[str, str]]
    """What the browser brought, and who it said it is, by the code that stands for it."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        place, query = urlsplit(self.path).path, dict(parse_qs(urlsplit(self.path).query))
        given = {name: values[0] for name, values in query.items()}
        if place == "/.well-known/openid-configuration":
            self._json(
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/keys",
                    "id_token_signing_alg_values_supported": ["RS256"],
                    "code_challenge_methods_supported": ["S256"],
                }
            )
        elif place == "/keys":
            self._json({"keys": [self.key.as_dict(private=False)]})
        elif place == "/authorize":
            assert given["client_id"] == CLIENT and given["code_challenge_method"] == "S256"
            links = [f"<p><a href='/yes?{escape(urlencode({**given, 'who': who}))}'>{who}</a>" for who in PEOPLE]
            self._answer(200, "".join(links).encode(), "text/html")
        elif place == "/yes":
            code = f"code-{len(self.asked)}"
            self.asked[code] = given
            back = urlencode({"code": code, "state": given["state"]})
            self.send_response(302)
            self.send_header("Location", f"{given['redirect_uri']}?{back}")
            self.end_headers()
        else:
            self._answer(404, b"", "text/plain")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        given = {name: values[0] for name, values in parse_qs(body).items()}
        asked = self.asked.pop(given["code"])
        login = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        proof = base64.urlsafe_b64encode(hashlib.sha256(given["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if self.headers["Authorization"] != f"Basic {login}" or proof != asked["code_challenge"]:
            self._answer(401, b"{}", "application/json")
            return
        now, who = int(time.time()), asked["who"]
        claims = {"iss": self.issuer, "sub": who, "aud": CLIENT, "iat": now, "exp": now + 600, "name": PEOPLE[who]}
        token = jwt.encode({"alg": "RS256", "kid": "test"}, claims | {"nonce": asked["nonce"]}, self.key)
        self._json({"access_token": "unused", "token_type": "Bearer", "expires_in": 600, "id_token": token})

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def _json(self, told: dict[str, Any]) -> None:
        self._answer(200, json.dumps(told).encode(), "application/json")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def team_server(chromium: Browser, tmp_path: Path) -> Iterator[str]:
    """Address of a server that asks for a sign-in, and knows a provider."""
    provider = ThreadingHTTPServer(("127.0.0.1", 0), type("OneProvider", (Provider,), {"asked": {}}))
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    port, secrets = free_port(), tmp_path / "secrets.toml"
    secrets.write_text(
        f"""[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "{"0123456789abcdef" * 4}"
client_id = "{CLIENT}"
client_secret = "{SECRET}"
server_metadata_url = "http://127.0.0.1:{provider.server_address[1]}/.well-known/openid-configuration"
"""
    )
    try:
        asked = {"STREAMLIT_SECRETS_FILES": str(secrets), "IFFAIR_SIGN_IN": "required"}
        with running_server(tmp_path / "server.log", port, **asked) as (address, _):
            yield address
    finally:
        provider.shutdown()
        provider.server_close()


def card(page: Page) -> None:
    """The card is there, and nothing else of the app."""
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_test_id("stSidebarNavLink")).to_have_count(0)
    expect(page.locator(".st-key-study_card")).to_have_count(0)


def sign_in(visitor: Any, who: str, page: str = "") -> None:
    """From the card to the page that was asked for."""
    card(visitor.page)
    visitor.page.get_by_role("button", name="Sign in").click()
    visitor.page.get_by_role("link", name=who).click()
    visitor.settle(page)


def test_two_sign_in_and_one_shares_a_scenario_that_the_other_opens_and_cannot_change(
    team_server: str, visit: Callable[..., Any]
):
    ada, bo = visit(), visit()
    ada.page.goto(f"{team_server}/compare?split=validation")
    sign_in(ada, "ada", "compare")
    assert ada.query["split"] == ["validation"], "the link outlives the sign-in"
    ada.page.wait_for_function(f"!document.cookie.includes('{COOKIE}=')")  # and is used once
    assert COOKIE not in {one["name"] for one in ada.page.context.cookies()}
    expect(ada.page.locator(".st-key-who")).to_contain_text("Signed in as Ada <b>$x$</b>")
    ada.finished()
    ada.page.get_by_role("button", name="Save as scenario").click()
    ada.page.get_by_label("Name").fill("Quarter")
    ada.page.get_by_label("Name").press("Tab")
    ada.page.get_by_role("button", name="Save as new").click()
    ada.wait_for("scenario", "")
    private = f"{team_server}/reweight?{urlsplit(ada.page.url).query}"

    # Not shared: refused as one that never was.
    bo.page.goto(private)
    sign_in(bo, "bo", "reweight")
    expect(bo.page.locator(".st-key-scenario_line")).to_contain_text(GONE)

    ada.page.get_by_role("tab", name="Scenarios").click()
    ada.page.get_by_role("button", name="Share").click()
    ada.page.get_by_text("Share with the team").click()
    link = ada.page.get_by_test_id("stCode").inner_text().strip()
    assert link.startswith(f"{team_server}/reweight?") and "split=validation" in link
    bo.page.goto(link)
    line = bo.page.locator(".st-key-scenario_line")
    expect(line).to_contain_text("by Ada <b>$x$</b> · the numbers are those that were saved")
    bo.page.get_by_role("button", name="Save as scenario").click()
    expect(bo.page.get_by_role("button", name="Save as new")).to_be_visible()
    expect(bo.page.get_by_role("button", name="Save over")).to_have_count(0)

    # The way out: the card again, also for a page that is opened by its address.
    bo.page.keyboard.press("Escape")
    bo.page.get_by_role("button", name="Sign out").click()
    card(bo.page)
    bo.page.goto(link)
    card(bo.page)
