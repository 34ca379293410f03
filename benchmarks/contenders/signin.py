"""authkit as a person signs in to it: with its doors, its pages, its admin, and its events in a table."""

from __future__ import annotations

from typing import Any

from benchmarks.authkit_contender import AuthKitSession

CSRF = "b" * 32


class AuthKitSignIn(AuthKitSession):
    apps = ("authkit", "authkit.audit")
    hasher = ""

    def settings(self) -> dict[str, Any]:
        settings = super().settings()
        settings["AUTHKIT"]["AUDIT"] = {}
        settings["STATIC_URL"] = "static/"
        processors = [
            "django.template.context_processors.request",
            "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages",
        ]
        template = {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": processors},
        }
        settings["TEMPLATES"] = [template]
        if self.hasher:
            settings["PASSWORD_HASHERS"] = [self.hasher]
        return settings

    def urls(self) -> list[Any]:
        from django.contrib import admin
        from django.urls import path

        return [*super().urls(), path("admin/", admin.site.urls)]

    def session_request(self, username: str, password: str) -> tuple[str, dict[str, str], str, dict[str, str]]:
        """As `login_request`, for a session."""
        meta = {"HTTP_COOKIE": f"csrftoken={CSRF}", "HTTP_X_CSRFTOKEN": CSRF}
        return "/auth/api/session/login/", {"username": username, "password": password}, "application/json", meta


CONTENDERS = [
    AuthKitSignIn(name="authkit-sign-in", title="sign-ins and pages, `AUDIT` on", groups=("signin",)),
    AuthKitSignIn(
        name="authkit-argon2",
        title="the same with Argon2, by Django's defaults",
        hasher="django.contrib.auth.hashers.Argon2PasswordHasher",
        groups=("signin",),
    ),
]
