"""The doors of people who come from a provider, and the methods: one for each of SOCIAL.PROVIDERS."""

from __future__ import annotations

from collections.abc import Iterator

from authkit.signin.doors import Door
from authkit.signin.methods import Method
from authkit.social.providers import presets

PAGE = Door("social-page", "authkit.social.flow.views.CompletePage", ("provider",), ("social",))
NATIVE = Door("social-token", "authkit.social.flow.program_views.NativeTokenView", ("ID token",), ("exchange",))
EXCHANGE = Door(
    "social-exchange", "authkit.social.flow.program_views.ExchangeView", ("code", "PKCE verifier"), ("exchange",)
)

DOORS = (PAGE, NATIVE, EXCHANGE)


def provider_methods() -> Iterator[Method]:
    """The configured providers. None has an `amr`: how the person proved themselves there is the provider's knowledge,
    and RFC 8176 has no value for "somewhere else"."""
    for provider_id, provider in presets.configured().items():
        yield Method(provider_id, provider.name or provider_id)
