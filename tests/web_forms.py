"""Forms as a browser would send them back, from a page of Django's test client or of `requests`."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any


class Forms(HTMLParser):
    """The forms of a page: a list of `(action, {name: value})`, unticked boxes left out, as a browser sends them."""

    def __init__(self, page: Any) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(page.content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.found.append((given.get("action") or "", {}))
        elif tag == "input" and self.found and given.get("type") != "checkbox" and (name := given.get("name")):
            self.found[-1][1][name] = given.get("value") or ""

    def to(self, action: str, **having: str) -> dict[str, str]:
        """The fields of the one form with this action and these values."""
        [fields] = [fields for where, fields in self.found if where == action and having.items() <= fields.items()]
        return fields
