"""From a provider's verified answer to a person of ours. social-core runs the steps and hands on what they return.

Not social-core's own steps. Those link old rows by other identifiers (some of them addresses), keep the provider's
tokens, and write the provider's names over what a person changed here.

A project may put steps of its own between these (SOCIAL.PIPELINE). Such a step gets everything that the ones before it
returned as keyword arguments, refuses by raising, and may add to the context. It can't put another person in the
place of the one who came: `require_linked` has the last word.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError
from social_django.models import UserSocialAuth

from authkit import conf
from authkit.signin.addresses import mark_verified
from authkit.signin.sign_up import Profile
from authkit.social.failures import Failure, refuse
from authkit.social.flow.signup import create_person, printable, refuse_strangers
from authkit.social.links.confirming import confirm_as_asked, confirmed_owner, require_fresh
from authkit.social.links.linking import (
    LINKING_LOGIN,
    Identity,
    LinkedBy,
    find_link,
    link_as_asked,
    owner_of_address,
    storable_uid,
    write_link,
)
from authkit.social.purposes import REAUTH_LOGIN, is_step_up
from authkit.social.settings import SocialSettings

MAX_UID_LENGTH = 255


def read_profile(*, backend: Any, response: Any, **_context: Any) -> dict[str, Any]:
    """`details`: what the provider says of the person, as bounded printable text; no unverified address in it."""
    said = backend.get_user_details(response)
    details = {key: printable(said.get(key)) for key in ("username", "first_name", "last_name", "fullname")}
    email = _verified_email(backend, said, response)
    # An address is taken unchanged, or not at all: without its zero-width space it would be another person's.
    return {"details": {**details, "email": email if printable(email) == email else ""}}


def _verified_email(backend: Any, said: Any, response: Any) -> Any:
    # Our own OpenID back end has looked at its claims and blanked the address already. Of other back ends we know what
    # OpenID providers' UserInfo says; where there is no such flag, as at GitHub, no address counts.
    email = said.get("email")
    if backend.vouches_for_email:
        return email
    said_so = response.get("email_verified")
    if said_so is None and backend.email_trusted:
        return email
    return email if said_so is True and response.get("email") == email else ""


def identify(*, backend: Any, details: dict[str, str], response: Any, **_context: Any) -> dict[str, Any]:
    """`identity`, and its `uid` and `id_key`: who came, and under which key the link is stored."""
    raw = backend.get_user_id(details, response)
    uid = "" if raw is None else str(raw)
    if not 0 < len(uid) <= MAX_UID_LENGTH or not uid.isprintable():
        raise refuse(Failure.UNVERIFIED, "the provider's answer has no usable user id")
    record = backend.identity_record()
    stored = uid if backend.identity_is_digest else storable_uid(uid)
    if stored != uid:
        record = {**record, "uid": uid}
    if label := details["email"] or details["username"] or details["fullname"]:
        record = {**record, "label": label}
    identity = Identity(provider=backend.name, uid=stored, id_key=backend.id_key(), record=record)
    return {"identity": identity, "uid": identity.uid, "id_key": identity.id_key}


def ask_policy(*, backend: Any, details: Any, response: Any, **_context: Any) -> None:
    """The provider's WHITELISTED_EMAILS, WHITELISTED_DOMAINS and ALLOW_GROUPS; an address counts only if verified."""
    if not backend.auth_allowed(response, details):
        raise refuse(Failure.NOT_ALLOWED)


def find_person(*, strategy: Any, backend: Any, identity: Identity, **_context: Any) -> dict[str, Any]:
    """`user` and `social` of this identity, or None for both; where linking was asked for, links it.

    For a step-up the two are there already, and the person has just signed in at the provider.

    Raises:
        SocialLoginFailed: the person is inactive or gone, or another one is signed in here; see `link_as_asked` and
            `confirm_as_asked`.
    """
    if is_step_up(strategy.notes):
        require_fresh(backend.auth_time())
        login_id = strategy.notes.get(REAUTH_LOGIN)
        person, confirmed = (
            confirm_as_asked(request=strategy.request, login_id=login_id, identity=identity)
            if login_id
            else confirmed_owner(identity)
        )
        return {"user": person, "social": confirmed}
    if login_id := strategy.notes.get(LINKING_LOGIN):
        person, linked = link_as_asked(request=strategy.request, login_id=login_id, identity=identity)
        return {"user": person, "social": linked}
    link = find_link(identity)
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


def link_by_address(
    *, backend: Any, details: dict[str, str], identity: Identity, user: Any, **_context: Any
) -> dict[str, Any] | None:
    """Links an identity that is new here to the owner of its verified address, if SOCIAL.EMAIL_VERIFIED allows that.

    Raises:
        SocialLoginFailed: `misconfigured`; or (`account_exists`) a parallel request was first.
    """
    verified = conf.section(SocialSettings).email_verified
    if user is not None or not verified:
        return None
    person = owner_of_address(email=details["email"], provider=backend.name, verified=verified)
    if person is None:
        return None
    return {"user": person, "social": _linked(person, identity, LinkedBy.ADDRESS)}


def sign_up(
    *, backend: Any, details: dict[str, str], identity: Identity, user: Any, social: Any, **_context: Any
) -> dict[str, Any]:
    """Account and link for an identity that is new here. A person who is known here is never changed.

    Raises:
        SocialLoginFailed: they may not have an account, none can be made of this profile, or (`account_exists`) a
            parallel request was first.
    """
    if user is not None:
        return {"user": user, "social": social, "is_new": False}
    profile, social_settings = Profile(provider=backend.name, **details), conf.section(SocialSettings)
    refuse_strangers(profile=profile, allow=social_settings.signup, domains=social_settings.signup_domains)
    person = create_person(profile=profile)
    link = _linked(person, identity, LinkedBy.SIGNUP)
    mark_verified(user=person, address=profile.email)
    return {"user": person, "social": link, "is_new": True}


def _linked(person: Any, identity: Identity, how: LinkedBy) -> UserSocialAuth:
    try:
        return write_link(user=person, identity=identity, how=how)
    except IntegrityError as error:
        raise refuse(Failure.ACCOUNT_EXISTS, "the identity was linked meanwhile") from error


def require_linked(person: Any, *, provider: str) -> None:
    """Returns if all steps together came to a person whose link at this provider they found or wrote.

    Raises:
        SocialLoginFailed: `misconfigured`: a step of the project's ended the pipeline, or named another person.
    """
    link = getattr(person, "social_user", None)
    if not isinstance(link, UserSocialAuth) or (link.user_id, link.provider) != (person.pk, provider):
        raise refuse(Failure.MISCONFIGURED, "the pipeline came to something else than a linked person")
