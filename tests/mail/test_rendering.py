"""The three parts of a mail, made from one template."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.template import TemplateDoesNotExist
from django.test import override_settings

from authkit.mail.mails import send_mail
from authkit.mail.rendering import Composed, compose, plain_facts, shown
from tests.docs.pages import ROOT

KINDS = sorted(
    path.stem for path in (ROOT / "authkit").rglob("templates/authkit/mail/*.html") if not path.stem.startswith("frame")
)
LINK = "https://www.example.com/auth/not-me/#key=abc&more=1"
AT = datetime(2026, 11, 29, 18, 30, tzinfo=UTC)


def composed(kind: str = "new_device", **changes: Any) -> Composed:
    body = {
        "name": "Olga",
        "site": "www.example.com",
        "language": "en",
        "link": LINK,
        "provider": "Example",
        "failures": 7,
        "facts": plain_facts([("Device", "Firefox on Linux"), ("IP address at sign-in", None), ("Signed in", AT)]),
        **changes,
    }
    return compose(kind, body)


class Text(HTMLParser):
    """The text of a document, without its style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self._hidden = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden = tag in {"style", "title"}
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words += data.split()


def bare(words: list[str]) -> list[str]:
    return [word.rstrip(":") for word in words]


def test_there_are_mails() -> None:
    told = {"new_device", "token_reused", "token_suspected", "success_after_failures", "unlock", "account_linked"}
    assert told <= set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("site", ["www.example.com", ""])
@pytest.mark.parametrize("link", [LINK, ""])
def test_text_and_html_of_every_mail_say_the_same(kind: str, site: str, link: str) -> None:
    mail = composed(kind, site=site, link=link)
    html = Text(mail.html)
    assert html.links == ([LINK] if link else [])
    assert (LINK in mail.text) == bool(link)
    assert mail.subject
    assert "\n" not in mail.subject
    # In the text a label, and the words of the button, end in a colon.
    assert bare(mail.text.replace(LINK, "").split()) == bare(html.words)


@pytest.mark.parametrize("kind", KINDS)
def test_html_loads_nothing_and_runs_nothing(kind: str) -> None:
    html = composed(kind).html
    assert not any(word in html for word in ("<img", "<script", "<link", "url(", " src=", "@import"))


def test_a_logo_is_an_image_below_the_public_url_with_the_name_of_the_site(settings: Any) -> None:
    """No other image, and none that a mail program could not reach."""
    settings.AUTHKIT = {**settings.AUTHKIT, "LOGO": "authkit/logo.png"}
    assert "<img" not in composed().html
    settings.AUTHKIT = {**settings.AUTHKIT, "PUBLIC_URL": "https://www.example.com/"}
    assert re.findall(r'<img src="([^"]*)" alt="([^"]*)"', composed(site="A & B").html) == [
        ("https://www.example.com/static/authkit/logo.png", "A &amp; B")
    ]
    settings.AUTHKIT = {**settings.AUTHKIT, "LOGO": "https://cdn.example/logo.png"}
    assert 'src="https://cdn.example/logo.png"' in composed().html


def test_a_name_is_text_in_both() -> None:
    mail = composed(name="<b>O'Neill & co</b>")
    assert "Hello <b>O'Neill & co</b>," in mail.text
    assert "Hello &lt;b&gt;O&#x27;Neill &amp; co&lt;/b&gt;," in mail.html
    assert "<b>O" not in mail.html


def test_subject_is_not_escaped() -> None:
    assert composed("account_linked", provider="A & B").subject.startswith("An account at A & B")


def test_moments_are_in_the_time_zone_of_the_site_and_say_so() -> None:
    with override_settings(TIME_ZONE="UTC"):
        assert "Signed in: Nov. 29, 2026, 6:30 p.m. UTC" in composed().text
    with override_settings(TIME_ZONE="Europe/Berlin"):
        assert "Signed in: Nov. 29, 2026, 7:30 p.m. CET" in composed().text


def test_missing_value_is_a_dash() -> None:
    assert "IP address at sign-in: –\n" in composed().text  # noqa: RUF001


def test_language_is_that_of_the_body() -> None:
    assert 'lang="de"' in composed(language="de").html
    assert 'dir="rtl"' in composed(language="ar").html


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ("olga", "olga"),
        ("  two\r\nlines\tand a tab ", "two lines and a tab"),
        ("esc\x1b[31mred", "esc[31mred"),
        ("turned\u202emoc.elpmaxe", "turnedmoc.elpmaxe"),
        ("zero\u200bwidth\x00nul", "zerowidthnul"),
        ("lone\ud800surrogate", "lonesurrogate"),
        ("x" * 1000, "x" * 200),
    ],
)
def test_names_bring_no_line_no_control_character_and_no_turn_of_direction(typed: str, seen: str) -> None:
    assert shown(typed) == seen


def test_a_project_replaces_a_part(tmp_path: Path, settings: Any) -> None:
    place = tmp_path / "authkit" / "mail"
    place.mkdir(parents=True)
    (place / "new_device.html").write_text("{% extends frame %}{% block subject %}Ours{% endblock %}")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]
    assert composed().subject == "Ours"


def test_a_mail_that_does_not_exist() -> None:
    with pytest.raises(TemplateDoesNotExist):
        composed("no_such_mail")


def test_the_link_can_be_copied_from_the_mail_as_it_is_written() -> None:
    link = f"https://site.example.test/auth/register/confirm/#key={'k' * 60}"
    body = {"name": "Olga", "site": "-", "language": "en", "facts": [], "to": "ada@example.test", "link": link}
    for name in ("Olga", "Ольга"):
        mail.outbox.clear()
        send_mail("unlock", {**body, "name": name})
        written = mail.outbox[0].message().as_bytes()
        assert f"{link}\n".encode() in written
        assert name.encode() in written
