"""The facts about well-known providers, so that a project needs to name no more than its client id and secret.

    AUTHKIT = {"SOCIAL": {"PROVIDERS": {"google": {"CLIENT_ID": …, "CLIENT_SECRET": …}}}}

A provider's id names its preset, or `PRESET` does. The entry's own values win; docs/providers.md has a section for
each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from authkit import conf
from authkit.social.settings import ProviderSettings, SocialSettings

OPENID = ProviderSettings().backend
MICROSOFT = "https://login.microsoftonline.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Defaults of one provider."""

    name: str
    """The text of the button."""
    backend: str = OPENID
    issuer: str = ""
    """Empty where each customer has one of their own, which the entry then names; `{tenant}` stands for TENANT."""
    tenant: str = ""
    """TENANT where the entry names none."""
    scope: tuple[str, ...] = ()
    needs_options: tuple[str, ...] = ()
    """Keys of OPTIONS without which no sign-in can work."""
    offline_scope: str = ""
    """Asked for as well where tokens are stored: without it there is nothing to refresh them by."""
    offline_arguments: Mapping[str, str] = field(default_factory=dict)
    """The same for providers that want it said by parameters of the authorization request."""

    @property
    def is_openid(self) -> bool:
        """Whether it has an issuer; the others have addresses that their back ends know."""
        return self.backend not in {_GITHUB, _FACEBOOK}


_GITHUB = "authkit.social.providers.vendors.GitHub"
_FACEBOOK = "authkit.social.providers.vendors.Facebook"

PRESETS: Mapping[str, Preset] = {
    "google": Preset(
        name="Google",
        issuer="https://accounts.google.com",
        # Google gives a refresh token for a consent, and without `prompt` asks for one but once.
        offline_arguments={"access_type": "offline", "prompt": "consent"},
    ),
    "github": Preset(name="GitHub", backend=_GITHUB, scope=("read:user", "user:email")),
    "microsoft": Preset(
        name="Microsoft",
        backend="authkit.social.providers.vendors.Microsoft",
        issuer=MICROSOFT + "/{tenant}/v2.0",
        tenant="common",
        offline_scope="offline_access",
    ),
    "gitlab": Preset(name="GitLab", issuer="https://gitlab.com"),
    "apple": Preset(
        name="Apple",
        backend="authkit.social.providers.vendors.Apple",
        issuer="https://appleid.apple.com",
        scope=("openid", "name", "email"),
        needs_options=("TEAM_ID", "KEY_ID"),
    ),
    "facebook": Preset(name="Facebook", backend=_FACEBOOK, scope=("public_profile", "email")),
    "linkedin": Preset(
        name="LinkedIn", backend="authkit.social.providers.vendors.LinkedIn", issuer="https://www.linkedin.com/oauth"
    ),
    "keycloak": Preset(name="Keycloak", offline_scope="offline_access"),
    "auth0": Preset(name="Auth0", offline_scope="offline_access"),
    "okta": Preset(name="Okta", offline_scope="offline_access"),
}


def preset_of(provider_id: str, entry: ProviderSettings) -> Preset | None:
    """The preset that an entry goes by; None for one that says all of it itself.

    An id that happens to be a preset's doesn't count where the entry names its own back end, nor an issuer for a
    provider that has none.
    """
    if entry.preset:
        return PRESETS.get(entry.preset)
    preset = PRESETS.get(provider_id)
    if preset is None or entry.backend != OPENID or (entry.issuer and not preset.is_openid):
        return None
    return preset


def complete(provider_id: str, entry: ProviderSettings) -> ProviderSettings:
    """An entry with its preset's values where it has none of its own."""
    preset = preset_of(provider_id, entry)
    if preset is None:
        return entry
    scope, options = entry.scope or preset.scope, dict(entry.options)
    if entry.store_tokens:
        if preset.offline_scope:
            # The back end's own scope stands in no setting; `SCOPE` adds to it unless the entry names the whole.
            scope = (*(scope or ("openid", "profile", "email")), preset.offline_scope)
        if preset.offline_arguments:
            options["AUTH_EXTRA_ARGUMENTS"] = {**preset.offline_arguments, **options.get("AUTH_EXTRA_ARGUMENTS", {})}
    tenant = entry.tenant or preset.tenant
    return replace(
        entry,
        name=entry.name or preset.name,
        backend=preset.backend if entry.backend == OPENID else entry.backend,
        issuer=entry.issuer or preset.issuer.replace("{tenant}", tenant),
        tenant=tenant,
        scope=tuple(dict.fromkeys(scope)),
        options=options,
    )


def configured() -> dict[str, ProviderSettings]:
    """All of SOCIAL.PROVIDERS as they are now, completed."""
    return {
        provider_id: complete(provider_id, entry)
        for provider_id, entry in conf.section(SocialSettings).providers.items()
    }


def find(provider_id: Any) -> ProviderSettings | None:
    """One of them; None if there is none with this id."""
    entry = conf.section(SocialSettings).providers.get(provider_id)
    return None if entry is None else complete(provider_id, entry)
