"""`manage.py authkit_settings`: what is in force; `--explicit`: the long-hand of `authkit.configure(globals())`;
`--markdown`: docs/settings.md; `--typed`: authkit/typed.py."""

from __future__ import annotations

from argparse import ArgumentParser
from pprint import pformat
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from authkit import conf, wiring
from authkit.management.settings_page import markdown
from authkit.management.settings_type import typed


class Command(BaseCommand):
    """Prints settings. Secrets are never printed, only whether there is one."""

    help = "Prints authkit's effective settings, and where each one comes from."
    requires_system_checks = ()  # people run it to see why the checks complain

    def add_arguments(self, parser: ArgumentParser) -> None:
        form = parser.add_mutually_exclusive_group()
        form.add_argument(
            "--explicit",
            action="store_true",
            help="print Python to write into the settings instead of authkit.configure(globals())",
        )
        form.add_argument(
            "--markdown",
            action="store_true",
            help="print the reference of all settings, docs/settings.md, whatever the project has set",
        )
        form.add_argument(
            "--typed",
            action="store_true",
            help="print the type of the block, authkit/typed.py, with the sections of all apps that are installed",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["markdown"]:
            self.stdout.write(markdown(), ending="")
        elif options["typed"]:
            self.stdout.write(typed(), ending="")
        else:
            self.stdout.write(explicit() if options["explicit"] else effective())


def effective() -> str:
    """One line for each setting: where it comes from, its path in the block and its value.

    Raises:
        CommandError: the block has a mistake.
    """
    try:
        origins = conf.origins()
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error
    width = max(len(origin.path) for origin in origins)
    lines = ["# AUTHKIT: every setting in force, and whether it is authkit's default or the project's choice"]
    section = ""
    for origin in origins:
        if (of := origin.path.partition(".")[0] if "." in origin.path else "") != section:
            section = of
            lines.append("")
        chosen = "project" if origin.chosen else "default"
        lines.append(f"{chosen}  {origin.path:{width}}  {_shown(origin.value)}")
    return "\n".join(lines)


def _shown(value: Any) -> str:
    if isinstance(value, conf.Secret):
        return "(set, not shown)" if value else "(empty)"
    if isinstance(value, dict):
        # A provider's own options may hold anything, a key for instance: only the names are printed.
        return f"{{{', '.join(f'{key!r}: …' for key in value)}}}"
    return str(value) if hasattr(value, "total_seconds") else repr(value)


def explicit() -> str:
    """Python that says in full what `configure` does to this project's settings, as they are now."""
    # Not the defaults of Django and DRF: `configure` sets those that the project left out.
    chosen: Any = settings
    names = ("INSTALLED_APPS", "MIDDLEWARE", "AUTHENTICATION_BACKENDS")
    namespace: dict[str, Any] = {name: getattr(settings, name) for name in names}
    namespace["AUTHKIT"] = getattr(settings, "AUTHKIT", {})
    for name in ("SESSION_ENGINE", "SOCIAL_AUTH_STRATEGY", "REST_FRAMEWORK"):
        if chosen.is_overridden(name) and hasattr(chosen, name):
            namespace[name] = getattr(chosen, name)
    wiring.configure(namespace)
    lines = ["# Instead of authkit.configure(globals()), at the end of your settings. AUTHKIT itself stays as it is."]
    lines += [f"{name} = {pformat(list(namespace[name]), width=110)}" for name in names]
    lines += [
        f"{name} = {namespace[name]!r}" for name in ("SESSION_ENGINE", "SOCIAL_AUTH_STRATEGY") if name in namespace
    ]
    rest_framework = dict(namespace["REST_FRAMEWORK"])
    classes = pformat(list(rest_framework.pop("DEFAULT_AUTHENTICATION_CLASSES")), width=110)
    # The rest of it may be anything, so it is named and not copied.
    others = "**REST_FRAMEWORK, " if rest_framework else ""
    lines.append(f'REST_FRAMEWORK = {{{others}"DEFAULT_AUTHENTICATION_CLASSES": {classes}}}')
    return "\n".join(lines)
