"""Service accounts: users that stand for a program. They hold API keys, and come in by no door for people.

A service account is a user without a password, with a row of this table. The row decides at each sign-in, whatever the
user's other columns say: a password that an administrator sets, or an account at a provider that is linked, lets no
person in.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import models
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from authkit.core.managers import PrimaryManager
from authkit.exceptions import SignInRefused
from authkit.signin.attempts import Attempt, Pending
from authkit.signin.doors import require_door
from authkit.signin.guards import guards


class ServiceAccount(models.Model):
    """The program behind a user, and the person who answers for it."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="authkit_service_account",
        verbose_name=_("user"),
    )
    user_id: Any  # of the user model's key
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("owner"),
        help_text=_("The person who answers for it, and gets its mails."),
    )
    owner_id: Any
    purpose = models.CharField(_("purpose"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    objects = PrimaryManager()

    class Meta:
        app_label = "authkit"
        verbose_name = _("service account")
        verbose_name_plural = _("service accounts")
        ordering = ("-created_at", "pk")

    def __str__(self) -> str:
        return str(self.user)


class ServiceAccountRefused(SignInRefused):
    """The user is a service account, which signs in by no door for people."""

    template = "authkit/sign_in_refused.html"


def refuse_service_accounts(attempt: Attempt, request: HttpRequest | None) -> Pending | None:
    """The guard at every door that is not made for service accounts; one statement, by the primary key.

    A feature that makes such accounts declares it (`GUARDS`), so that a project without them doesn't pay for it.

    Raises:
        ServiceAccountRefused: the user is one.
    """
    if not require_door(attempt.door).for_services and is_service_account(attempt.user):
        raise ServiceAccountRefused("a service account")
    return None


def is_service_account(user: AbstractBaseUser) -> bool:
    """Whether the user is one."""
    mine: dict[str, Any] = {"pk": user.pk}
    return ServiceAccount.objects.filter(**mine).exists()


def is_refused_by_password(user: AbstractBaseUser) -> bool:
    """Whether a right password proves nothing for Django's `authenticate()`, as for DRF's BasicAuthentication, which
    opens no login and asks no guard. No statement where no feature makes service accounts."""
    return refuse_service_accounts in guards() and is_service_account(user)
