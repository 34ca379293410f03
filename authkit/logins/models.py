"""The ledger: who is signed in, since when, until when, what ended it, and which single tokens are refused."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, TypeVar

from django.conf import settings
from django.db import models, router, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from authkit.core.identifiers import uuid7
from authkit.exceptions import LoginEnded
from authkit.logins.reasons import EndReason, LoginKind, TokenKind

Row = TypeVar("Row", bound=models.Model)


class PrimaryManager(models.Manager[Row]):
    """Reads where it writes, whatever a router says: a replica may not know yet of what is to be ended, or has been."""

    def get_queryset(self) -> models.QuerySet[Row]:
        return super().get_queryset().using(self._db or router.db_for_write(self.model))


def _cutoffs() -> tuple[Exists, Exists]:
    return (
        Exists(UserCutoff.objects.filter(user_id=OuterRef("user_id"), issued_before__gte=OuterRef("created_at"))),
        Exists(GlobalCutoff.objects.filter(issued_before__gte=OuterRef("created_at"))),
    )


class LoginQuerySet(models.QuerySet["Login"]):
    def live(self, at: datetime | None = None) -> LoginQuerySet:
        """Logins that neither ended nor ran out, by their own row and the cutoffs; `at` defaults to now.

        A person's deactivation or password change counts at the check; see `authkit.logins.checkers`.
        """
        now = at or timezone.now()
        return self.filter(*(~cutoff for cutoff in _cutoffs()), ended_at=None, expires_at__gt=now)

    def over(self, at: datetime | None = None) -> LoginQuerySet:
        """All others: logins that ended, ran out or were cut off. Neither it nor `live` compares rows with rows, so
        both are read in a time that grows as the table does."""
        now = at or timezone.now()
        of_row = Q(ended_at__isnull=False) | Q(expires_at__lte=now)
        return self.filter(reduce(or_, _cutoffs(), of_row))

    def delete(self) -> tuple[int, dict[str, int]]:
        """As Django's, and Redis is told. Pruning goes past this: of what it deletes no token is alive."""
        from authkit.logins.hints import tell  # which needs these models

        with transaction.atomic(using=router.db_for_write(Login)):
            tell(login_ids=list(self.values_list("pk", flat=True)))
            return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def not_left_alone(self) -> LoginQuerySet:
        """Without those that came from a login that is over, by its row and the cutoffs. For SELECTs: MySQL can't
        update a table that the statement also reads."""
        return self.filter(Q(parent_id=None) | Exists(Login.objects.live().filter(pk=OuterRef("parent_id"))))

    def where(
        self,
        *,
        method: str | None = None,
        before: datetime | None = None,
        user_id: Any = None,
        kind: LoginKind | None = None,
    ) -> LoginQuerySet:
        """Logins that fit all that is given: by this method, begun before this time, of this person, of this kind."""
        given = {"method": method, "created_at__lt": before, "user_id": user_id, "kind": kind}
        return self.filter(**{name: value for name, value in given.items() if value is not None})


class Login(models.Model):
    """One sign-in of one person. A session cookie or a JWT pair is good exactly while its login is (see DESIGN.md).

    `expires_at` is where the login ends if it is not used again; use moves it, never past `absolute_expires_at`.
    `generation` counts refresh rotations; only the refresh token that names the current one may rotate.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="authkit_logins",
        db_index=False,
        verbose_name=_("user"),
    )
    kind = models.CharField(_("kind"), max_length=8, choices=LoginKind)
    method = models.CharField(_("method"), max_length=64, help_text=_("“password”, or the provider's id."))
    auth_hash = models.CharField(max_length=128, editable=False)
    """Django's session auth hash of the person when the login began: another password, another hash."""
    former_auth_hash = models.CharField(max_length=128, blank=True, default="", db_default="", editable=False)
    """The one before Django hashed the same password anew (see `rehashing`): the login's session may still hold it."""
    password_digest = models.CharField(max_length=128, blank=True, default="", db_default="", editable=False)
    """Tells another password from another SECRET_KEY where `auth_hash` doesn't match (see `fingerprints`)."""
    remembered = models.BooleanField(_("remembered"), default=False)
    device = models.CharField(_("device"), max_length=200, blank=True)
    ip = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    generation = models.PositiveIntegerField(default=0, editable=False)
    rotated_at = models.DateTimeField(editable=False)
    created_at = models.DateTimeField(_("signed in"))
    last_seen_at = models.DateTimeField(_("last seen"))
    expires_at = models.DateTimeField(_("expires"))
    absolute_expires_at = models.DateTimeField(_("ends at the latest"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    end_reason = models.CharField(_("why it ended"), max_length=32, choices=EndReason, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("impersonated by"),
    )
    """Who is in truth behind a login that was opened without a credential of `user`. Deleting that person ends the
    login, by `parent_id`, and leaves the row, which says that the owner's account was used by another person."""
    parent_id = models.UUIDField(null=True, blank=True, editable=False)
    """The actor's own login, from which this one was opened and with which it ends. No foreign key, so that deleting
    one by SQL needs no order, and no index, because nothing looks for children: each check looks for the parent."""

    origin: Login | None = None
    """That login, where a check has read it."""

    objects = PrimaryManager.from_queryset(LoginQuerySet)()

    class Meta:
        app_label = "authkit"
        verbose_name = _("login")
        verbose_name_plural = _("logins")
        ordering = ("-created_at",)
        permissions = (("force_logout", "Can force people to sign out"),)
        # `expires_at` has no index on purpose: it changes with every rotation, and PostgreSQL can update a row in
        # place (HOT) only if no indexed column changes, not even one of a partial index that leaves the row out.
        # Pruning walks the primary key.
        indexes = (models.Index(fields=("user", "ended_at"), name="authkit_login_user_ended"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    def refresh_from_db(
        self, using: str | None = None, fields: Iterable[str] | None = None, from_queryset: Any = None
    ) -> None:
        """As Django's, but where one column was not read, all that were not are read with it (see `statement`).

        Raises:
            LoginEnded: the row is gone, and its person perhaps with it.
        """
        missing = self.get_deferred_fields()
        if fields is not None and missing.intersection(fields):
            fields = missing.union(fields)
        try:
            super().refresh_from_db(using=using, fields=fields, from_queryset=from_queryset)
        except Login.DoesNotExist as error:
            raise LoginEnded("no such login any more", reason="login_ended", why=EndReason.DELETED) from error

    def delete(self, using: str | None = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:  # noqa: FBT001, FBT002  # Django's signature
        """As Django's, and Redis is told."""
        from authkit.logins.hints import tell  # which needs these models

        with transaction.atomic(using=router.db_for_write(Login)):
            tell(login_ids=[self.pk])
            return super().delete(using=using, keep_parents=keep_parents)

    def is_live(self, at: datetime) -> bool:
        """Whether the row itself still stands at that time (the person and the cutoffs are not looked at)."""
        return self.ended_at is None and self.expires_at > at


class UserCutoff(models.Model):
    """Every login of this person that began at or before `issued_before` is dead, whatever its own row says.

    One write that also catches what no row knows: a sign-in whose row is being inserted at this very moment, and a
    session from before authkit was installed.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="authkit_cutoff"
    )
    issued_before = models.DateTimeField()

    objects = PrimaryManager()

    class Meta:
        app_label = "authkit"
        verbose_name = _("user cutoff")
        verbose_name_plural = _("user cutoffs")

    def __str__(self) -> str:
        return f"{self.user_id} before {self.issued_before.isoformat()}"


class GlobalCutoff(models.Model):
    """Every login that began at or before `issued_before` is dead. At most one row, with the key 1."""

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    issued_before = models.DateTimeField()

    objects = PrimaryManager()

    class Meta:
        app_label = "authkit"
        verbose_name = _("global cutoff")
        verbose_name_plural = _("global cutoff")
        constraints = (models.CheckConstraint(condition=Q(id=1), name="authkit_globalcutoff_single"),)

    def __str__(self) -> str:
        return f"before {self.issued_before.isoformat()}"


class CacheEpoch(models.Model):
    """Which state of Redis counts: what was written there under another epoch is as good as not there.

    One row, with the key 1. Whoever could not tell Redis of a revocation raises `value`, in the transaction of the
    revocation, and suspends the use of Redis for a while; each process reads the row anew all the time.
    """

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    value = models.PositiveBigIntegerField(default=1)
    suspended_at = models.DateTimeField(null=True)
    suspended_until = models.DateTimeField(null=True)

    class Meta:
        app_label = "authkit"
        verbose_name = _("cache epoch")
        verbose_name_plural = _("cache epoch")
        constraints = (models.CheckConstraint(condition=Q(id=1), name="authkit_cacheepoch_single"),)

    def __str__(self) -> str:
        return str(self.value)


class BlacklistedToken(models.Model):
    """One token that is refused by its `jti`. Holds no token, and nothing from which one could be made.

    The key is the SHA-256 of the jti: equal for equal jtis alone, on databases too that compare text without regard
    to case or trailing blanks, and of one length whatever another library put into the claim. `login_id` is no
    foreign key: pruning deletes logins without looking here, and an imported token has none.
    """

    digest = models.CharField(max_length=64, primary_key=True, editable=False)
    jti = models.CharField(max_length=255)
    """For people to read; cut off where it is longer than that."""
    kind = models.CharField(_("kind"), max_length=8, choices=TokenKind)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="authkit_blacklisted_tokens",
        verbose_name=_("owner"),
    )
    login_id = models.UUIDField(_("login"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=32, choices=EndReason)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("blacklisted by"),
    )
    created_at = models.DateTimeField(_("blacklisted"))
    expires_at = models.DateTimeField(_("until"))
    """The token's own end: refused by everybody from then on, and pruned."""

    objects = PrimaryManager()

    class Meta:
        app_label = "authkit"
        verbose_name = _("blacklisted token")
        verbose_name_plural = _("blacklisted tokens")
        ordering = ("-created_at", "digest")

    def __str__(self) -> str:
        return self.jti
