"""The contenders: authkit's set-ups, and the products that a project would have instead."""

from __future__ import annotations

from fnmatch import fnmatch
from importlib.util import find_spec

from benchmarks.authkit_contender import CONTENDERS as AUTHKIT
from benchmarks.base import Contender
from benchmarks.contenders.apikeys import CONTENDERS as API_KEYS
from benchmarks.contenders.oauth import CONTENDERS as OAUTH
from benchmarks.contenders.person import CONTENDERS as PERSON
from benchmarks.contenders.sessions import CONTENDERS as SESSIONS
from benchmarks.contenders.signin import CONTENDERS as SIGN_INS
from benchmarks.contenders.simplejwt import CONTENDERS as SIMPLEJWT

FLOOR = Contender(name="floor", title="no authentication at all")

ALL: dict[str, Contender] = {
    contender.name: contender
    for contender in (FLOOR, *PERSON, *SIMPLEJWT, *SESSIONS, *API_KEYS, *OAUTH, *AUTHKIT, *SIGN_INS)
}


def chosen(group: str, *, only: str = "*") -> list[str]:
    """The names of those in a group that fit one of the comma-separated patterns, in the order of the tables. A peer
    that is not installed is left out."""
    patterns = only.split(",")
    return [
        name
        for name, contender in ALL.items()
        if group in contender.groups
        and any(fnmatch(name, pattern) for pattern in patterns)
        and (not contender.package or find_spec(contender.package) is not None)
    ]
