"""`manage.py authkit_choose`: asks what the client is, and says which way in to take, why, and by which settings."""

from __future__ import annotations

from argparse import ArgumentParser
from textwrap import fill
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from authkit.management.questions import Question, WayIn
from authkit.management.ways_in import CLIENT

_WIDTH = 100


class Command(BaseCommand):
    """Answers that are arguments are not asked for. It reads no setting and changes nothing."""

    help = "Says which way in a client takes, why, and the settings for it. Asks for each answer that is not given."
    requires_system_checks = ()  # people run it before the settings are right

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("answers", nargs="*", help="answers in order, such as: spa sibling")
        parser.add_argument("--noinput", "--no-input", action="store_false", dest="interactive", help="don't ask")

    def handle(self, *args: Any, **options: Any) -> None:
        given = list(options["answers"])
        here: Question | WayIn = CLIENT
        while isinstance(here, Question):
            if given:
                here = _then(here, given.pop(0))
            elif options["interactive"]:
                here = self._asked(here)
            else:
                raise CommandError(f"{here.text} Answer one of: {_keys(here)}.")
        if given:
            raise CommandError(f"There is no question left for {' '.join(given)}: {here.heading}.")
        self._say(here)

    def _asked(self, question: Question) -> Question | WayIn:
        self.stdout.write(self.style.MIGRATE_HEADING(question.text))
        width = max(len(answer.key) for answer in question.answers)
        for number, answer in enumerate(question.answers, start=1):
            self.stdout.write(f"  {number}  {answer.key:{width}}  {answer.text}")
        while True:
            try:
                typed = input("Number or word: ").strip()
            except EOFError:
                raise CommandError(
                    f"The command could not ask, because it has no input. {question.text} Give one of: "
                    f"{_keys(question)}."
                ) from None
            for number, answer in enumerate(question.answers, start=1):
                if typed.lower() in (str(number), answer.key):
                    return answer.then
            self.stdout.write(f"{typed!r} is no answer.")

    def _say(self, way: WayIn) -> None:
        self.stdout.write(self.style.SUCCESS(f"\n{way.heading}"))
        self.stdout.write(fill(f"Way in: {way.take}", _WIDTH))
        self.stdout.write(fill(f"Why: {way.why}", _WIDTH))
        self._list("First:", way.before)
        self.stdout.write(f"Settings:\n\n{way.block}\n\n")
        self._list("Then:", way.steps)
        self.stdout.write(f"Read: docs/{way.page}")

    def _list(self, heading: str, steps: tuple[str, ...]) -> None:
        if steps:
            self.stdout.write(heading)
        for number, step in enumerate(steps, start=1):
            text, *commands = step.splitlines()
            self.stdout.write(fill(f"{number}. {text}", _WIDTH, subsequent_indent="   "))
            for command in commands:  # whatever its width: it is there to be copied
                self.stdout.write(f"   {command}")


def _then(question: Question, key: str) -> Question | WayIn:
    try:
        return question.answered(key).then
    except LookupError:
        raise CommandError(f"{key!r} is no answer to: {question.text} Answer one of: {_keys(question)}.") from None


def _keys(question: Question) -> str:
    return ", ".join(answer.key for answer in question.answers)
