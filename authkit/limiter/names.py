"""The keys of budgets: which spellings count as one name, which addresses as one network.

A key is an HMAC of scope and subject by Django's SECRET_KEY. Another SECRET_KEY begins with empty budgets.
"""

from __future__ import annotations

import hmac
import ipaddress
import unicodedata
from functools import lru_cache
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connections, router

from authkit.core.secret_keys import in_bytes

NAME, PERSON, STRANGER, DEVICE, ACCOUNT = "name", "person", "stranger", "device", "account"
"""Scopes: a name as it was typed, a person after a failure, a name that no person has after a failure, a known device,
and a person who is known before the try.
Those of networks are in `authkit.limiter.budgets`."""

_IGNORED = ("Cc", "Cf", "Zs", "Zl", "Zp")
"""Unicode categories of characters that can't be seen: controls, zero-width and other format characters, blanks."""

_MARKS = ("Mn", "Me")
"""Those of marks on other characters."""


def normalised(name: str) -> str:
    """One text for all spellings that a reader may take for the same name.

    NFKC, then case folding, then NFKC once more, because folding may leave a text that is not composed.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(character for character in folded if unicodedata.category(character) not in _IGNORED)


def counted_as(name: str) -> str:
    """One text for all spellings that the database takes for the same name: `normalised`, and on MariaDB and MySQL the
    letters without their marks.

    The usual collations of these two find "carol" by "cárol", so a name of five letters would have hundreds of
    counters. Elsewhere the two may be two people. Then they are counted apart, or one of them could clear the other's
    failures by signing in.
    """
    text = normalised(name)
    if text.isascii() or connections[router.db_for_write(get_user_model())].vendor != "mysql":
        return text
    return "".join(map(_bare, unicodedata.normalize("NFKD", text)))


@lru_cache(maxsize=4096)
def _bare(character: str) -> str:
    """A letter without a mark that is part of it, such as the stroke of "ø"; hiragana for katakana; "" for a mark."""
    if unicodedata.category(character) in _MARKS:
        return ""
    title = unicodedata.name(character, "")
    plain = title.partition(" WITH ")[0].replace("KATAKANA LETTER", "HIRAGANA LETTER").replace("LETTER SMALL", "LETTER")
    if plain == title or " LETTER " not in plain:
        return character
    try:
        return unicodedata.lookup(plain)
    except KeyError:
        return character


@lru_cache(maxsize=1024)
def network_of(address: str, *, ipv6_prefix: int) -> str:
    """The network of an address: the address itself for IPv4, the first `ipv6_prefix` bits for IPv6.

    Returns:
        "" where the text is no address.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, ipv6_prefix), strict=False))


@lru_cache(maxsize=1024)
def is_exempt(network: str, exempt: tuple[str, ...]) -> bool:
    """Whether a network lies within one of LIMITER.EXEMPT. Entries that can't be read exempt nothing (check E243)."""
    mine = ipaddress.ip_network(network)
    for entry in exempt:
        try:
            theirs = ipaddress.ip_network(entry)
        except ValueError:
            continue
        if theirs.version == mine.version and mine.subnet_of(theirs):  # type: ignore[arg-type]  # of one version
            return True
    return False


_RANKS = {NAME: "0", DEVICE: "0", ACCOUNT: "0", PERSON: "1", STRANGER: "1"}


def key_of(scope: str, subject: str) -> str:
    """The key of a budget: 64 hexadecimal digits, of which the first puts names before people before networks.

    All statements lock several keys in that order. InnoDB locks the rows of one UPDATE in the order of the primary key.
    """
    secret = sha256(b"authkit.limiter" + in_bytes(settings.SECRET_KEY)).digest()
    text = f"{scope}\0{subject}".encode("utf-8", "surrogatepass")
    return (_RANKS.get(scope, "2") + hmac.new(secret, text, sha256).hexdigest())[:64]


def name_key(name: str) -> str:
    """The key of a name as it was typed, whether a person has it or not."""
    return key_of(NAME, counted_as(name))


def person_key(user_id: Any) -> str:
    """The key of a person."""
    return key_of(PERSON, str(user_id))


def account_key(user_id: Any) -> str:
    """The key of a person who is known before the try, by a login or a former step."""
    return key_of(ACCOUNT, str(user_id))


def decoy_key(name: str) -> str:
    """The key that is charged in place of a person's where no person has this name, so that both cost the same."""
    return key_of(STRANGER, counted_as(name))
