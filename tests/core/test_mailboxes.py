"""Which addresses are one mailbox, and of which domain they are: nothing that only looks alike."""

from __future__ import annotations

import pytest

from authkit.core.mailboxes import ascii_domain, domain_of, same_mailbox


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("example.com", "example.com"),
        ("EXAMPLE.com", "example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),  # not strasse.example
        ("ex\u0430mple.com", "xn--exmple-4nf.com"),  # a Cyrillic a
        ("\u212aernel.org", ""),  # the Kelvin sign
        ("\uff45xample.com", ""),  # a full-width e
        ("example\u3002com", ""),  # an ideographic full stop
        ("exam\u200bple.com", ""),  # a zero-width space
        ("bu\u0308cher.example", ""),  # a combining diaeresis
        ("xn--a.example", ""),  # no such A-label
        ("example.com.", "example.com."),
        ("*.example.com", ""),
        ("exa_mple.com", ""),
        ("exam ple.com", ""),
        ("a..b", ""),
        ("", ""),
        ("a" * 300, ""),
    ],
    ids=ascii,
)
def test_domain_is_what_dns_asks_for_and_nothing_is_mapped_to_another_one(name, expected) -> None:
    assert ascii_domain(name) == expected


def test_turkish_dotted_i_is_no_i() -> None:
    assert ascii_domain("\u0130dp.test") not in {"idp.test", ""}
    assert ascii_domain("\u0131dp.test") not in {"idp.test", ""}


def test_domain_is_what_follows_the_last_at() -> None:
    assert domain_of("me@example.com@evil.test") == "evil.test"
    assert domain_of('"me@example.com"@evil.test') == "evil.test"
    assert domain_of("nobody") == ""


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("alice@idp.test", "alice@idp.test", True),
        ("alice@IDP.test", "alice@idp.TEST", True),
        ("alice@bücher.example", "alice@xn--bcher-kva.example", True),
        ("Alice@idp.test", "alice@idp.test", False),
        ("al\u0131ce@idp.test", "alice@idp.test", False),
        ("AL\u0130CE@idp.test", "alice@idp.test", False),
        ("\uff41lice@idp.test", "alice@idp.test", False),
        ("\u0430lice@idp.test", "alice@idp.test", False),
        ("jose\u0301@idp.test", "jos\u00e9@idp.test", False),
        ("alice+x@idp.test", "alice@idp.test", False),
        ("alice@sub.idp.test", "alice@idp.test", False),
        ("alice@idp.test.", "alice@idp.test", False),
        ("alice", "alice", False),
        ("", "", False),
    ],
    ids=ascii,
)
def test_mailboxes(one, other, same) -> None:
    assert same_mailbox(one, other) is same
    assert same_mailbox(other, one) is same
