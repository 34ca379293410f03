"""Makes service accounts (`authkit.signin.service_accounts`)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import IntegrityError, router, transaction
from django.db.models.signals import post_save

from authkit.exceptions import AuthKitError
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of
from authkit.signin.service_accounts import ServiceAccount


class AccountRefused(AuthKitError):
    """The user of a service account can't be made.

    Args:
        sentences: for people.
    """

    code = "invalid"
    status = 400

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("the user can't be made")
        self.sentences = sentences


def create_service_account(*, username: str, owner: Any = None, purpose: str = "") -> ServiceAccount:
    """Makes a user without a password, and without rights, and the row that says that it is a program's.

    Args:
        username: the value of the user model's USERNAME_FIELD.
        owner: the person who answers for it, and gets its mails.
        purpose: for people.

    Raises:
        AccountRefused: the name is taken or malformed, or the user model asks for more than a name.
    """
    users: Any = get_user_model()
    using = router.db_for_write(users)
    user = users(**{users.USERNAME_FIELD: users.normalize_username(username)})
    user.set_unusable_password()
    try:
        user.full_clean(exclude=[name for name in _optional(users) if not getattr(user, name, None)])
        with transaction.atomic(using=using):
            user.save(using=using, force_insert=True)
            return ServiceAccount.objects.create(user=user, owner=owner, purpose=purpose)
    except ValidationError as error:
        raise AccountRefused(error.messages) from error
    except IntegrityError as error:  # a parallel request was faster, or a column asks for a value
        raise AccountRefused([str(users._meta.verbose_name)]) from error


def connect() -> None:
    """Connects the receiver. Safe to call twice."""
    post_save.connect(end_sessions, sender=ServiceAccount, dispatch_uid="authkit.apikeys.service_accounts")


def end_sessions(sender: Any, *, instance: ServiceAccount, created: bool, raw: bool, **_: Any) -> None:
    """Signs a person out whose user becomes a service account: no door would let them in again. Their keys stay, as
    after a sign-out everywhere."""
    if created and not raw:
        end_logins_of(user_id=instance.pk, reason=EndReason.LOGOUT_ALL)


def _optional(users: Any) -> set[str]:
    # A program has no address and no name of a person, so what the model asks of these is not asked here.
    return {users.get_email_field_name(), *users.REQUIRED_FIELDS} - {users.USERNAME_FIELD}
