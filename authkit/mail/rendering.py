"""Makes the subject, the text and the HTML of a mail from one template.

A mail is one template, `authkit/mail/<kind>.html`, whose blocks stand in three frames in turn: its first line is
`{% extends frame %}`. So each sentence is written, and translated, once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from unicodedata import category

from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext, override

from authkit.core.site import logo_in_mails

FRAMES = {name: f"authkit/mail/frame_{name}" for name in ("subject.txt", "text.txt", "html.html")}

MAX_VALUE = 200
"""Characters of a name or a device that a mail shows."""

NO_VALUE = "–"  # noqa: RUF001  # as on the pages

Facts = Iterable[tuple[str, str | datetime | None]]
"""What happened, line by line: a label that `gettext` translates, and a text or a moment."""


@dataclass(frozen=True, slots=True)
class Composed:
    """A mail in its three parts."""

    subject: str
    text: str
    html: str


def plain_facts(facts: Facts) -> list[list[str]]:
    """The same as JSON can hold it."""
    return [
        [label, "at", value.isoformat()] if isinstance(value, datetime) else [label, "text", shown(value or "")]
        for label, value in facts
    ]


def shown(value: str) -> str:
    """A name as a mail may show it: one line, without control characters and marks that turn the line's direction."""
    text = "".join(" " if character.isspace() else character for character in value)
    return " ".join("".join(c for c in text if not category(c).startswith("C")).split())[:MAX_VALUE]


def compose(kind: str, body: Mapping[str, Any]) -> Composed:
    """Renders a mail.

    Args:
        kind: names the template.
        body: as `authkit.mail.mails.queue_mail` makes it.

    Raises:
        TemplateDoesNotExist: there is no such mail. A template may raise anything else.
    """
    with override(body["language"]):
        facts = [(gettext(label), _value(how, value)) for label, how, value in body["facts"]]
        context = {**body, "facts": facts, "logo": logo_in_mails()}
        subject, text, html = (
            render_to_string(f"authkit/mail/{kind}.html", {**context, "frame": frame}) for frame in FRAMES.values()
        )
    return Composed(subject=" ".join(subject.split()), text=_paragraphs(text), html=html.strip() + "\n")


def _value(how: str, value: str) -> str:
    if how == "at":
        moment = localtime(datetime.fromisoformat(value))
        return f"{date_format(moment, 'DATETIME_FORMAT')} {moment.tzname()}"
    return value or NO_VALUE


def _paragraphs(text: str) -> str:
    lines = "\n".join(line.strip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip() + "\n"
