"""Whose scenarios they are: a person whom an OpenID provider has signed in, or nobody where no sign-in is asked for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

LONGEST_NAME = 120


@dataclass(frozen=True)
class Person:
    """`id`: 64 hexadecimal digits, or empty; `name`: what others are shown, one line of anything."""

    id: str = ""
    name: str = ""


NOBODY = Person()
"""The owner of everything where nobody signs in."""


def person(issuer: str, subject: str, name: str) -> Person:
    """The person whom the provider `issuer` calls `subject`; of these two only their common SHA-256 is known on."""
    return Person(hashlib.sha256(json.dumps([issuer, subject]).encode()).hexdigest(), one_line(name))


def one_line(text: str) -> str:
    """The printable characters of `text` on one line, no more of them than a name has."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST_NAME]
