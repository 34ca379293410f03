"""The domain of an e-mail address, whether two addresses are one mailbox for certain, and which ones may be.

A database's comparison (`iexact`, a collation without case or accents) is no answer to that: PostgreSQL's upper case
of the dotless Turkish i is the Latin one's, MariaDB takes full-width letters for narrow ones. Such a comparison may
only make us more careful, never less.
"""

from __future__ import annotations

import idna


def ascii_domain(name: str) -> str:
    """A domain as DNS asks for it (IDNA 2008), in lower case; empty for what is none.

    Nothing is mapped but case: IDNA 2003 made "strasse" of "straße", which may be another owner's domain. And case
    only within one script: the Kelvin sign in lower case is a Latin k.
    """
    lowered = "".join(c.lower() if c.isascii() or not c.lower().isascii() else c for c in name)
    try:
        return idna.encode(lowered, strict=True).decode()
    except idna.IDNAError:
        return ""


def domain_of(address: str) -> str:
    """The domain of an address, as `ascii_domain` writes it; empty where there is none."""
    local, _at, domain = address.rpartition("@")
    return ascii_domain(domain) if local else ""


def same_mailbox(one: str, other: str) -> bool:
    """Whether two addresses are the same: the local part in every character, the domain as DNS sees it.

    With its case, because it is the receiving server that decides what "Alice" and "alice" are (RFC 5321 section 2.4):
    elsewhere they may be two people.
    """
    domain = domain_of(one)
    return bool(domain) and domain == domain_of(other) and one.rpartition("@")[0] == other.rpartition("@")[0]


def spellings(address: str) -> tuple[str, ...]:
    """The address with its domain in each spelling that DNS takes for the same one, the given spelling first.

    For a search that must find an account whichever of them it was stored with. The search compares without case.
    """
    local, _at, domain = address.rpartition("@")
    ascii_name = ascii_domain(domain.removesuffix("."))
    if not local or not ascii_name:
        return (address,)
    return tuple(dict.fromkeys((address, f"{local}@{ascii_name}", f"{local}@{idna.decode(ascii_name)}")))


def canonical(address: str) -> str:
    """The address with its domain as DNS asks for it, without a final dot. The local part stays as it is."""
    local, _at, domain = address.rpartition("@")
    ascii_name = ascii_domain(domain.removesuffix("."))
    return f"{local}@{ascii_name}" if local and ascii_name else address
