"""The one Django app."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _


class AuthKitConfig(AppConfig):
    name = "authkit"
    label = "authkit"
    verbose_name = _("Sign-in")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Imported here, because all of it imports models, which don't exist before the registry is complete.
        from authkit import checks
        from authkit.logins import mails
        from authkit.logins import receivers as logins
        from authkit.pages import doors as page_doors
        from authkit.revocation import receivers as revocation
        from authkit.sessions import doors as session_doors
        from authkit.sessions import receivers as sessions
        from authkit.signin import rehashing
        from authkit.signin.doors import register_door
        from authkit.signin.guards import Order, register_guard
        from authkit.signin.may_sign_in import ask_project
        from authkit.signin.methods import register_method, register_methods_of
        from authkit.tokens import adoption_receivers as adoption
        from authkit.tokens import doors as token_doors
        from authkit.tokens import receivers as tokens
        from authkit.tokens.adoption import SIMPLEJWT

        checks.register()
        logins.connect()
        rehashing.connect()
        mails.connect()
        revocation.connect()
        for door in (*session_doors.DOORS, *token_doors.DOORS, *page_doors.DOORS):
            register_door(door)
        register_method(SIMPLEJWT)
        register_guard(ask_project, order=Order.PROJECT)
        tokens.connect()
        sessions.connect()
        adoption.connect()
        # Only with the apps that these rooms build on: without them, importing their models is an error.
        if apps.is_installed("social_django"):
            from authkit.checks import providers
            from authkit.social import code_receivers
            from authkit.social import doors as social_doors
            from authkit.social import mails as social_mails
            from authkit.social import receivers as social

            providers.register()
            social.connect()
            social_mails.connect()
            code_receivers.connect()
            for door in social_doors.DOORS:
                register_door(door)
            register_methods_of(social_doors.provider_methods)
        if apps.is_installed("django.contrib.admin"):
            from authkit.admin import reach

            reach.reach_user_admins()
            reach.register_checks()
            if apps.is_installed("social_django"):
                from authkit.social import admin as social_admin

                social_admin.make_links_read_only()
        if apps.is_installed("drf_spectacular"):
            # Its own app is the sign that the project makes schemas: others don't pay for the import.
            from authkit.openapi import document  # noqa: F401
