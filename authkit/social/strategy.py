"""How social-core reaches this project: its settings, its storage, its requests."""

from __future__ import annotations

from social_django.strategy import DjangoStrategy


class AuthKitStrategy(DjangoStrategy):
    """Django's strategy, fed from the AUTHKIT block alone."""
