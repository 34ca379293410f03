"""`manage.py authkit_openapi`: the JSON endpoints of authkit, as this project mounts them, as an OpenAPI document."""

from __future__ import annotations

from argparse import ArgumentParser
from importlib import import_module, util
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Writes the document to standard output, or to a file."""

    help = "Writes an OpenAPI document of authkit's endpoints. Needs the extra: pip install 'django-authkit[openapi]'."
    requires_system_checks = ()  # the document is the same, even if the checks complain

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=("yaml", "json"), default="yaml", help="yaml unless given")
        parser.add_argument("--file", type=Path, help="write there, instead of to standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        if util.find_spec("drf_spectacular") is None:
            raise CommandError("drf-spectacular is not installed: pip install 'django-authkit[openapi]'.")
        # By name, because its import needs the extra.
        openapi = import_module("authkit.openapi.document")
        found = openapi.document()
        if not found["paths"]:
            raise CommandError("ROOT_URLCONF includes none of authkit's endpoints: include authkit.urls there.")
        text = openapi.written(found, as_format=options["format"])
        if options["file"] is None:
            self.stdout.write(text)
            return
        try:
            options["file"].write_text(text)
        except OSError as error:
            raise CommandError(f"The document can't be written to {options['file']}: {error.strerror}.") from error
