"""The core's Django app. Features are apps of their own; see `authkit.features`."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _

from authkit import conf, features


class AuthKitConfig(AppConfig):
    name = "authkit"
    label = "authkit"
    verbose_name = _("Sign-in")
    default_auto_field = "django.db.models.BigAutoField"

    def import_models(self) -> None:
        # Done as soon as all apps are known, so that the `ready()` of any app may read the block.
        for feature in features.installed():
            if feature.settings:
                conf.sections.register(feature.section, feature.settings)
        super().import_models()

    def ready(self) -> None:
        # Imported here, because these modules import models, which don't exist before the registry is complete.
        from authkit import checks, events
        from authkit.core import event_log
        from authkit.limiter import mails as limiter_mails
        from authkit.logins import receivers as logins
        from authkit.logins.endings import register_kind
        from authkit.mail import channels, mails, notices
        from authkit.pages import doors as page_doors
        from authkit.revocation import receivers as revocation
        from authkit.sessions import doors as session_doors
        from authkit.sessions import receivers as sessions
        from authkit.signin import foreign_tries, last_login, new_devices, rehashing, step_up
        from authkit.signin.doors import register_door
        from authkit.signin.guards import Order, register_guard
        from authkit.signin.may_sign_in import ask_project
        from authkit.signin.methods import register_methods_of
        from authkit.signin.restricted import register_demand
        from authkit.tokens import doors as token_doors
        from authkit.tokens import formats
        from authkit.tokens import receivers as tokens

        checks.register()
        event_log.connect()
        logins.connect()
        rehashing.connect()
        last_login.connect()
        foreign_tries.connect()
        channels.register_channel(channels.MAIL, mails.send_mail)
        notices.connect()
        limiter_mails.connect()
        new_devices.connect()
        revocation.connect()
        register_door(foreign_tries.DOOR)
        for door in (*step_up.DOORS, *session_doors.DOORS, *token_doors.DOORS, *page_doors.DOORS, *features.doors()):
            register_door(door)
        for source in features.sources_of_methods():
            register_methods_of(source)
        for guard, order in ((ask_project, Order.PROJECT), *features.guards()):
            register_guard(guard, order=order)
        for demands in features.restrictions():
            register_demand(demands)
        for kind in features.kinds():
            register_kind(kind)
        for token_format in features.token_formats():
            formats.register(token_format)
        for recorder, names in features.recorders():
            events.register_recorder(recorder, names=names)
        tokens.connect()
        sessions.connect()
        if find_spec("authkit.tokens.simplejwt") is not None:  # a folder that can be deleted
            import_module("authkit.tokens.simplejwt.registration").connect()
        if apps.is_installed("django.contrib.admin"):
            from authkit.admin import checks as admin_checks
            from authkit.admin import reach

            reach.reach_user_admins()
            checks.register_room(admin_checks)
        if apps.is_installed("drf_spectacular"):
            # A project that makes schemas has installed this app. Other projects don't pay for the import.
            from authkit.openapi import document  # noqa: F401
