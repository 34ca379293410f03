"""The ledger: who is signed in, since when, until when, what ended it, and which single tokens are refused."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Case, Exists, OuterRef, Q, Subquery, When
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from authkit.core.identifiers import uuid7
from authkit.core.managers import PrimaryManager
from authkit.exceptions import LoginEnded
from authkit.logins.announced_writes import ToldModel, ToldQuerySet
from authkit.logins.endings import beyond_cutoffs, kind_choices, kinds_with_own_list, spared_by
from authkit.logins.reasons import EndReason, LoginKind, TokenKind

SHOWN_STEP = timedelta(minutes=5)
"""The step in which clients see when a login was used. A thief and an owner both see the list of logins. With seconds
in it, it would tell each of them when the other one refreshes, and so when a replay passes for a parallel request."""

MAX_ROTATED_DEVICE_LENGTH = 64
MAX_AMR_LENGTH = 64


def _cutoffs() -> tuple[Any, Any]:
    mine = UserCutoff.objects.filter(user_id=OuterRef("user_id"))
    of_person: Any = Exists(mine.filter(issued_before__gte=OuterRef("created_at")).exclude(keeps=OuterRef("pk")))
    if beyond := beyond_cutoffs():
        lasting = Exists(mine.filter(lasting_before__gte=OuterRef("created_at")))
        of_person = (of_person & ~Q(kind__in=beyond)) | (lasting & Q(kind__in=beyond))
    return of_person, Exists(GlobalCutoff.objects.filter(issued_before__gte=OuterRef("created_at")))


class LoginQuerySet(ToldQuerySet["Login"]):
    def live(self, at: datetime | None = None) -> LoginQuerySet:
        """Logins that neither ended nor ran out, by their own row and the cutoffs; `at` defaults to now.

        A person's deactivation or password change counts at the check; see `authkit.logins.verdict`.
        """
        now = at or timezone.now()
        return self.filter(*(~cutoff for cutoff in _cutoffs()), ended_at=None, expires_at__gt=now)

    def over(self, at: datetime | None = None) -> LoginQuerySet:
        """All others: logins that ended, ran out or were cut off. Neither it nor `live` compares rows with rows, so
        both are read in a time that grows as the table does."""
        now = at or timezone.now()
        of_row = Q(ended_at__isnull=False) | Q(expires_at__lte=now)
        return self.filter(reduce(or_, _cutoffs(), of_row))

    def not_left_alone(self) -> LoginQuerySet:
        """Without those that came from a login that is over, by its row and the cutoffs. For SELECTs: MySQL can't
        update a table that the statement also reads."""
        return self.filter(Q(parent_id=None) | Exists(Login.objects.live().filter(pk=OuterRef("parent_id"))))

    def ended_by(self, reason: EndReason) -> LoginQuerySet:
        """Without those of a kind that this reason leaves alone (`authkit.logins.endings`)."""
        spared = spared_by(reason)
        return self.exclude(kind__in=spared) if spared else self

    def signed_in(self) -> LoginQuerySet:
        """Without those of a kind that has a list of its own, such as API keys."""
        elsewhere = kinds_with_own_list()
        return self.exclude(kind__in=elsewhere) if elsewhere else self

    def where(
        self,
        *,
        method: str | None = None,
        before: datetime | None = None,
        user_id: Any = None,
        kind: LoginKind | None = None,
        spare_superusers: bool = False,
    ) -> LoginQuerySet:
        """Logins that fit all that is given: by this method, begun before this time, of this person, of this kind, of
        no superuser."""
        given = {"method": method, "created_at__lt": before, "user_id": user_id, "kind": kind}
        fitting = self.filter(**{name: value for name, value in given.items() if value is not None})
        people: Any = get_user_model()
        if not spare_superusers or not hasattr(people, "is_superuser"):
            return fitting
        superusers = people._base_manager.filter(pk=OuterRef("user_id"), is_superuser=True)
        return fitting.filter(~Exists(superusers.order_by()))


class BeginningField(models.DateTimeField):  # type: ignore[type-arg]  # which Django's class takes none of at run time
    """A time that the database may choose: after an INSERT the instance has the value that was written."""

    db_returning = True  # Django's own word for that, read in 5.2 to 6.1

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.DateTimeField", args, kwargs


class Login(ToldModel):
    """One sign-in of one person. A session cookie or a JWT pair is good exactly while its login is.

    `expires_at` is where the login ends if it is not used again; use moves it, never past `absolute_expires_at`.
    `generation` counts refresh rotations; only the refresh token that names the current one may rotate.
    """

    told_as = "login_ids"
    harmless: ClassVar[frozenset[str]] = frozenset(
        (
            *("method", "amr", "authenticated_at", "remembered", "device", "ip"),
            *("generation", "rotated_at", "last_seen_at", "absolute_expires_at"),
            *("rotated_device", "rotated_network", "retried_at", "retried_generation", "late_retries"),
            *("password_digest", "former_auth_hash"),
        )
    )
    newcomers_judge = False

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="authkit_logins",
        db_index=False,
        verbose_name=_("user"),
    )
    kind = models.CharField(_("kind"), max_length=32, choices=kind_choices)
    method = models.CharField(_("method"), max_length=64, help_text=_("“password”, or the provider's id."))
    amr = models.CharField(max_length=MAX_AMR_LENGTH, blank=True, default="", db_default="", editable=False)
    """How the person showed who they are: RFC 8176's words with blanks between them; "" if that isn't known."""
    authenticated_at = models.DateTimeField(db_default=Now(), editable=False)
    """When that was, by the clock of the process; a step-up moves it. OpenID Connect's `auth_time`."""
    restricted = models.BooleanField(default=False, db_default=False, editable=False)
    """Whether the login may do no more than choose a new password."""
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
    rotated_device = models.CharField(
        max_length=MAX_ROTATED_DEVICE_LENGTH, blank=True, default="", db_default="", editable=False
    )
    """From where the last rotation came (`Client.device` and `Client.network`); an empty network is an unknown one."""
    rotated_network = models.CharField(max_length=32, blank=True, default="", db_default="", editable=False)
    retried_at = models.DateTimeField(null=True, editable=False)
    """When the last late retry was granted, see `authkit.logins.grace`."""
    retried_generation = models.IntegerField(default=-1, db_default=-1, editable=False)
    """The `generation` in which that was."""
    late_retries = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    """How many generations running, up to that one, had a late retry."""
    created_at = BeginningField(_("signed in"))
    """By the database's clock where the two differ, and above the cutoffs of then; see `authkit.logins.cutoffs`."""
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
    """The person in truth behind a login that was opened without a credential of `user`. Deleting that person ends the
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
        """As Django's, but where an unread column is asked for, all unread ones are read with it (see `statement`).

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

    @property
    def shown_last_seen_at(self) -> datetime:
        """`last_seen_at` as clients see it: rounded down to 5 minutes, and never before the sign-in."""
        began: datetime = self.created_at
        return max(_rounded(self.last_seen_at), began)

    @property
    def shown_expires_at(self) -> datetime:
        """`expires_at` as clients see it: rounded down to 5 minutes, so that no client relies on what is over."""
        return _rounded(self.expires_at)

    def is_live(self, at: datetime) -> bool:
        """Whether the row itself still stands at that time (the person and the cutoffs are not looked at)."""
        return self.ended_at is None and self.expires_at > at


def _rounded(moment: datetime) -> datetime:
    step = int(SHOWN_STEP.total_seconds())
    return datetime.fromtimestamp(moment.timestamp() // step * step, UTC)


def cutoff_of_person() -> Any:
    """For `Login.objects.annotate`: the cutoff of the login's person that counts for its kind; NULL if there is none or
    the login is the one that it keeps."""
    cutoffs = UserCutoff.objects.filter(user_id=OuterRef("user_id"))
    ordinary = Subquery(cutoffs.exclude(keeps=OuterRef("pk")).values("issued_before"))
    lasting = Subquery(cutoffs.values("lasting_before"))
    beyond = beyond_cutoffs()
    return Case(When(kind__in=beyond, then=lasting), default=ordinary) if beyond else ordinary


class UserCutoffQuerySet(ToldQuerySet["UserCutoff"]):
    """As `ToldQuerySet`."""


class UserCutoff(ToldModel):
    """Every login of this person that began at or before `issued_before` is dead, whatever its own row says. The one
    exception is the login that `keeps` names: from there the person asked to be signed out everywhere else.

    One write, which also catches logins without a row: a sign-in whose row is being inserted at this very moment, and a
    session from before authkit was installed.
    """

    told_as = "user_ids"

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="authkit_cutoff"
    )
    issued_before = models.DateTimeField()
    keeps = models.UUIDField(null=True, editable=False)
    """A login's key. No foreign key: logins are pruned without looking here."""
    lasting_before = models.DateTimeField(null=True, editable=False)
    """The cutoff of the logins that outlive a sign-out everywhere, such as API keys (`endings.beyond_cutoffs`). Raised
    together with `issued_before` by the reasons that reach them, such as a forced logout."""

    objects = PrimaryManager.from_queryset(UserCutoffQuerySet)()

    class Meta:
        app_label = "authkit"
        verbose_name = _("user cutoff")
        verbose_name_plural = _("user cutoffs")

    def __str__(self) -> str:
        return f"{self.user_id} before {self.issued_before}"  # an expression, while the row is being inserted


class GlobalCutoffQuerySet(ToldQuerySet["GlobalCutoff"]):
    """As `ToldQuerySet`."""


class GlobalCutoff(ToldModel):
    """Every login that began at or before `issued_before` is dead. At most one row, with the key 1."""

    ONLY = 1
    told_as = "everybody"

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    issued_before = models.DateTimeField()

    objects = PrimaryManager.from_queryset(GlobalCutoffQuerySet)()

    class Meta:
        app_label = "authkit"
        verbose_name = _("global cutoff")
        verbose_name_plural = _("global cutoff")
        constraints = (models.CheckConstraint(condition=Q(id=1), name="authkit_globalcutoff_single"),)

    def __str__(self) -> str:
        return f"before {self.issued_before}"  # an expression, while the row is being inserted


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
