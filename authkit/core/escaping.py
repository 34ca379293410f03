"""Text that another party chose, made safe to stand in a line (ASVS 16.4.1)."""

from __future__ import annotations

from typing import Any


def escaped(text: str) -> str:
    r"""The text with each character that a terminal or an editor would obey, or not show, written as an escape.

    Those are control characters (CR, LF, ESC), the marks that turn the direction of text, line and paragraph
    separators, blanks other than the space, and lone surrogates. A backslash is doubled, so that no text can pretend to
    have held such a character: `\n` in a log line is a line feed, `\\n` was typed like that.
    """
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return "".join(_escaped(character) for character in text)


def escaped_values(value: Any) -> Any:
    """The same for all text in a value of JSON, keys too."""
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, dict):
        return {escaped(str(key)): escaped_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [escaped_values(item) for item in value]
    return value


def _escaped(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if character.isprintable():  # the space is
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
