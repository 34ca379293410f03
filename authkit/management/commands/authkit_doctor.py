"""`manage.py authkit_doctor`: what is reachable, which mode is in force, what would happen if Redis died now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from authkit.management.diagnosis import diagnose
from authkit.management.findings import Level


class Command(BaseCommand):
    """Prints one line for each finding; exit code 1 if something that is configured is not in order."""

    help = "Looks whether the database and Redis answer, and says what authkit does with them right now."
    requires_system_checks = ()  # people run it when something is wrong

    def handle(self, *args: Any, **options: Any) -> None:
        styles: dict[Level, Callable[[str], str]] = {
            Level.FINE: str,
            Level.NOTE: self.style.WARNING,
            Level.FAULT: self.style.ERROR,
        }
        faults, last = 0, ""
        try:
            for finding in diagnose():
                topic = "" if finding.topic == last else finding.topic
                self.stdout.write(f"{topic:14}  {styles[finding.level](_marked(finding.text, finding.level))}")
                faults += finding.level is Level.FAULT
                last = finding.topic
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        if faults:
            raise CommandError("Not everything that is configured is in order.", returncode=1)


def _marked(text: str, level: Level) -> str:
    # Not by colour alone: a log has none, and many people can't tell colours apart.
    return text if level is Level.FINE else f"{level}: {text}"
