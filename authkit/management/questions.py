"""The form of the questions of `authkit_choose`: a question, its answers, and the way in at the end of a path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WayIn:
    """The end of a path: what a client takes."""

    heading: str
    """The section of docs/choosing.md that is about it."""
    take: str
    """What the client does."""
    why: str
    before: tuple[str, ...] = ()
    """What there is to do before the settings can be read, in order. A command stands on a line of its own."""
    block: str
    """Python that sets AUTHKIT. It may read `os.environ`; a project that has a block adds the keys to it."""
    steps: tuple[str, ...] = ()
    """What there is to do then, in the same form."""
    page: str
    """The page with the rest, below docs/."""


@dataclass(frozen=True, slots=True)
class Answer:
    key: str
    """What is typed."""
    text: str
    then: Question | WayIn


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    answers: tuple[Answer, ...]

    def answered(self, key: str) -> Answer:
        """The answer with this key.

        Raises:
            LookupError: there is none.
        """
        for answer in self.answers:
            if answer.key == key.strip().lower():
                return answer
        raise LookupError(key)


def paths(question: Question, *before: str) -> Iterator[tuple[tuple[str, ...], WayIn]]:
    """Each list of answers that leads from this question to a way in, and that way."""
    for answer in question.answers:
        if isinstance(answer.then, WayIn):
            yield (*before, answer.key), answer.then
        else:
            yield from paths(answer.then, *before, answer.key)
