"""The section SOCIAL, which this feature registers. It imports no model and nothing of social-core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from authkit.conf.fields import Hook, Secret, setting

SOCIAL_STEPS = (
    "authkit.social.flow.pipeline.read_profile",
    "authkit.social.flow.pipeline.identify",
    "authkit.social.flow.pipeline.ask_policy",
    "authkit.social.flow.pipeline.find_person",
    "authkit.social.flow.pipeline.link_by_address",
    "authkit.social.flow.pipeline.sign_up",
)
"""The steps that SOCIAL.PIPELINE has to hold, in this order. Without one of them every sign-in is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSettings:
    """One app of a provider's `APPS`. Its key there is the host of the site."""

    client_id: str = setting("")
    """The client id that the provider gave to this app."""
    client_secret: Secret = setting(Secret(""))
    """The client secret of this app."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """One provider. Its key in `PROVIDERS` is its id, which is part of URLs and of `Login.method`."""

    name: str = setting("")
    """The text on the button. Without it, the button has the name of the preset, or the id."""
    preset: str = setting("")
    """Which preset fills in what the entry leaves out; see docs/providers.md. Without it, a preset with the same name
    as the id is used."""
    backend: str = setting("authkit.social.providers.backends.OpenIdConnect")
    """The dotted path of a social-core back end. The default speaks OpenID Connect."""
    issuer: str = setting("")
    """The OpenID issuer, without `/.well-known/openid-configuration`. A preset may bring its own."""
    tenant: str = setting("")
    """For Microsoft: which accounts may sign in. The id of one tenant, `"organizations"`, `"consumers"`, or `"common"`
    for all of them, which is the preset's default."""
    client_id: str = setting("")
    """The client id that the provider gave to your site."""
    client_secret: Secret = setting(Secret(""))
    """The client secret that the provider gave to your site."""
    apps: dict[str, AppSettings] = setting({}, holds=AppSettings, entry="host")
    """For a site that is registered at the provider once for each of its hosts: the app of each host; see
    docs/providers.md#several-hosts-several-apps."""
    native_client_ids: tuple[str, ...] = setting(())
    """Further client ids whose ID tokens are accepted, from the provider's SDK in your phone apps; see docs/apps.md."""
    scope: tuple[str, ...] = setting(())
    """The scopes that are requested. Without it, the back end's own: `openid`, `profile` and `email` for OpenID
    Connect."""
    options: dict[str, Any] = setting({})
    """Other settings of the back end, by social-core's names without the prefix `SOCIAL_AUTH`."""
    email_trusted: bool = setting(False)
    """Whether an address counts as verified where the provider doesn't say whether it is. Turn it on only for a
    provider that you run or trust, because the provider then decides which account has an address; see
    docs/providers.md#addresses."""
    store_tokens: bool = setting(False)
    """Whether the provider's tokens are kept, encrypted, so that your code can call the provider's API for the person;
    see docs/providers.md#tokens-of-a-provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocialSettings:
    """Sign-in through providers, such as Google or your company's OpenID server."""

    providers: dict[str, ProviderSettings] = setting({}, holds=ProviderSettings, entry="id", called="provider id")
    """The providers, by id."""
    signup: bool | Hook = setting(True, kind=Hook, call=Callable[[Any], bool])
    """Whether a person without an account gets one by signing in through a provider: `True`, `False`, or a callable
    `allow(profile)` that returns `True` for those who do; see docs/sign-up.md."""
    signup_domains: tuple[str, ...] = setting(())
    """If given, a new account needs a verified address of exactly one of these domains."""
    email_verified: Hook = setting(Hook("authkit.signin.addresses.is_verified"), call=Callable[[Any], bool])
    """A callable `verified(user)` that returns `True` if the address of this person is verified. The default knows the
    addresses that were proven to authkit. With `""` no identity is linked to an account by its address; see
    docs/sign-up.md#when-the-address-has-an-account-here."""
    clock_tolerance: timedelta = setting(timedelta(seconds=60), least=timedelta(0), most=timedelta(minutes=5))
    """By how much a provider's clock and yours may differ when the times of its tokens are checked."""
    timeout: timedelta = setting(timedelta(seconds=5), least=timedelta(seconds=1), most=timedelta(seconds=30))
    """The time limit of each call to a provider, from connecting to the last byte. All calls of one request together
    have twice that; see docs/providers.md#a-provider-that-is-slow-or-silent."""
    link_mail: bool = setting(True)
    """Whether people get a mail when an account at a provider was connected to theirs, or disconnected."""
    pipeline: tuple[str, ...] = setting(SOCIAL_STEPS)
    """The dotted paths of the steps from a provider's answer to a person. Yours may stand between authkit's; see
    docs/sign-up.md#steps-of-your-own."""
    redirect_uris: tuple[str, ...] = setting(())
    """The addresses to which codes for single-page apps and phone apps may be sent. They are compared character by
    character, but for the port of `127.0.0.1` and `[::1]`; see docs/apps.md."""
