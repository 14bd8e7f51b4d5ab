"""Who uses this session: whom the team's OpenID provider signed in, or nobody where no sign-in is asked for.

Streamlit does the signing in; a section [auth] of its secrets asks for it. What follows from the token is here: whether
it is still good, and whose scenarios and drafts this session has. Whatever is configured wrongly closes the door.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from iffair_core.errors import ConfigError, IFFairError, shorten
from iffair_core.wording import listed

if TYPE_CHECKING:
    from iffair_core.scenarios.people import Person

SIGN_IN, HOURS = "IFFAIR_SIGN_IN", "IFFAIR_SIGN_IN_HOURS"
"""Environment variables: `required` shows nothing where the secrets have no [auth]; for how many hours one is good."""
USUAL_HOURS = 12.0
SETTINGS = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")
CALLBACK, SHORTEST_SECRET = "/oauth2callback", 32
WELCOME = "Sign in to see which training rows make a model unfair, and what repairing it costs."


class SignInNeeded(IFFairError):
    """Nobody has signed in, or too long ago."""


def visitor() -> Person:
    """Who has signed in; `NOBODY` where no sign-in is asked for.

    Raises SignInNeeded before a sign-in and after its hours, ConfigError where sign-in is asked for and cannot be had.
    """
    from iffair_core.scenarios.people import NOBODY, person

    if not _asked_for():
        return NOBODY
    hours, claims = _hours(), st.user.to_dict()
    if claims.get("is_logged_in") is not True:
        raise SignInNeeded(WELCOME)
    issuer, subject, issued = (claims.get(name) for name in ("iss", "sub", "iat"))
    if not (isinstance(issuer, str) and isinstance(subject, str) and subject and isinstance(issued, int | float)):
        raise ConfigError("The OpenID provider's token needs iss, sub and iat, which say who signed in, and when.")
    if time.time() - issued > hours * 3600:
        raise SignInNeeded(
            f"Your sign-in is more than {hours:g} {'hour' if hours == 1 else 'hours'} old. Sign in again."
        )
    names = (claims.get(name) for name in ("name", "email", "preferred_username"))
    return person(issuer, subject, next((name for name in names if isinstance(name, str) and name.strip()), ""))


def is_team() -> bool:
    """Whether visitors sign in, so that there are others to share with. Raises as `visitor` does."""
    return bool(visitor().id)


def _asked_for() -> bool:
    """Whether visitors have to sign in. Raises ConfigError where they have to and cannot."""
    wanted = os.environ.get(SIGN_IN, "")
    if wanted not in ("", "required"):
        raise ConfigError(f"{SIGN_IN} is '{shorten(wanted)}'. Leave it out, or set it to 'required'.")
    section = _secrets().get("auth")
    if section is None and not wanted:
        return False
    if not isinstance(section, Mapping):
        raise ConfigError(f"Nobody can sign in yet: Streamlit's secrets need a section [auth] with {listed(SETTINGS)}.")
    absent = [name for name in SETTINGS if not (isinstance(section.get(name), str) and section[name].strip())]
    if absent:
        raise ConfigError(f"Nobody can sign in yet: the section [auth] of Streamlit's secrets lacks {listed(absent)}.")
    if not section["redirect_uri"].endswith(CALLBACK):
        raise ConfigError(f"The redirect_uri in the section [auth] of Streamlit's secrets has to end in {CALLBACK}.")
    if len(section["cookie_secret"]) < SHORTEST_SECRET:
        raise ConfigError(
            f"The cookie_secret in the section [auth] of Streamlit's secrets is shorter than {SHORTEST_SECRET} "
            "characters, and could be guessed. Take a random one."
        )
    if not _is_installed():
        raise ConfigError(
            "Signing in needs Authlib and httpx, which are not installed. "
            "Install them with pip install -r requirements-sign-in.txt."
        )
    return True


def _secrets() -> Mapping[str, Any]:
    """Streamlit's secrets; empty where there is no file. Raises ConfigError where there is one that cannot be read."""
    try:
        return st.secrets.to_dict()
    except (OSError, ValueError) as error:
        if any(Path(file).exists() for file in st.get_option("secrets.files")):
            raise ConfigError(
                "Streamlit's secrets cannot be read, so nobody can sign in. Mend the file; the server's log says where."
            ) from error
        return {}


@cache
def _is_installed() -> bool:
    return all(find_spec(name) is not None for name in ("authlib", "httpx"))


def _hours() -> float:
    given = os.environ.get(HOURS, "")
    try:
        hours = float(given) if given else USUAL_HOURS
    except ValueError:
        hours = math.nan
    if not (hours > 0 and math.isfinite(hours)):
        raise ConfigError(f"{HOURS} is '{shorten(given)}'. Set it to a number of hours, such as 12.")
    return hours
