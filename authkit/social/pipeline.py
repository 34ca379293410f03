"""From a provider's verified answer to a person of ours. social-core runs the steps and hands on what they return.

Not social-core's own steps. Those link old rows by other identifiers (some of them addresses), keep the provider's
tokens, and write the provider's names over what a person changed here. And there is no step that links by e-mail: it
would take an address that the provider *and we* have verified, and we don't verify addresses yet (ASVS 6.8.1).
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from social_django.models import UserSocialAuth

from authkit import conf
from authkit.social.failures import Failure, refuse
from authkit.social.signup import Profile, create_person, printable

PIPELINE = (
    "authkit.social.pipeline.read_profile",
    "authkit.social.pipeline.identify",
    "authkit.social.pipeline.ask_policy",
    "authkit.social.pipeline.find_person",
    "authkit.social.pipeline.sign_up",
)

MAX_UID_LENGTH = 255


def read_profile(*, backend: Any, response: Any, **_context: Any) -> dict[str, Any]:
    """`details`: what the provider says of the person, as bounded printable text; no unverified address in it."""
    said = backend.get_user_details(response)
    details = {key: printable(said.get(key)) for key in ("username", "first_name", "last_name", "fullname")}
    return {"details": {**details, "email": printable(_verified_email(backend, said, response))}}


def _verified_email(backend: Any, said: Any, response: Any) -> Any:
    # Our own OpenID back end has looked at its claims and blanked the address already. Of other back ends we know what
    # OpenID providers' UserInfo says; where there is no such flag, as at GitHub, no address counts.
    email = said.get("email")
    if backend.vouches_for_email:
        return email
    return email if response.get("email_verified") is True and response.get("email") == email else ""


def identify(*, backend: Any, details: Any, response: Any, **_context: Any) -> dict[str, Any]:
    """`uid` and `id_key`: under which key the link is stored."""
    raw = backend.get_user_id(details, response)
    uid = "" if raw is None else str(raw)
    if not 0 < len(uid) <= MAX_UID_LENGTH or not uid.isprintable():
        raise refuse(Failure.UNVERIFIED, "the provider's answer has no usable user id")
    return {"uid": uid, "id_key": backend.id_key()}


def ask_policy(*, backend: Any, details: Any, response: Any, **_context: Any) -> None:
    """The provider's WHITELISTED_EMAILS, WHITELISTED_DOMAINS and ALLOW_GROUPS; an address counts only if verified."""
    if not backend.auth_allowed(response, details):
        raise refuse(Failure.NOT_ALLOWED)


def find_person(*, strategy: Any, backend: Any, uid: str, id_key: str, **_context: Any) -> dict[str, Any]:
    """`user` and `social` of this identity, or None for both.

    Raises:
        SocialLoginFailed: the person is inactive or gone, or somebody else is signed in here.
    """
    link = UserSocialAuth.get_social_auth(backend.name, uid, id_key=id_key)
    here = strategy.person_here
    if here.is_authenticated and (link is None or link.user_id != here.pk):
        # Neither a silent change of persons nor a silent link: linking has a page of its own, where it is asked for.
        raise refuse(Failure.SIGNED_IN)
    if link is None:
        return {"user": None, "social": None}
    user = get_user_model()._default_manager.filter(pk=link.user_id).first()
    if user is None or not user.is_active:
        raise refuse(Failure.INACTIVE)
    return {"user": user, "social": link}


def sign_up(
    *, backend: Any, details: dict[str, str], uid: str, id_key: str, user: Any, social: Any, **_context: Any
) -> dict[str, Any]:
    """Account and link for an identity that is new here. Of somebody whom we know nothing is changed, ever.

    Raises:
        SocialLoginFailed: SOCIAL.SIGNUP is off, or no account can be made of this profile, or (`account_exists`) a
            parallel request was first.
    """
    if user is not None:
        return {"user": user, "social": social, "is_new": False}
    if not conf.current().social.signup:
        raise refuse(Failure.SIGNUP_CLOSED)
    person: Any = create_person(profile=Profile(**details))
    try:
        with transaction.atomic():
            link = UserSocialAuth.objects.create(
                user=person, provider=backend.name, uid=uid, id_key=id_key, extra_data=backend.identity_record()
            )
    except IntegrityError as error:
        raise refuse(Failure.ACCOUNT_EXISTS, "the identity was linked meanwhile") from error
    return {"user": person, "social": link, "is_new": True}
