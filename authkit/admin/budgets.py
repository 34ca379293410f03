"""The limiter's budgets in the admin: a list to read, and the action that clears some of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.utils import display_for_value
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy, ngettext

from authkit.core.admin_lists import BoundedPages, CarefulChangeList, ReadOnly
from authkit.core.clocks import SECOND
from authkit.limiter.models import AttemptBudget
from authkit.limiter.unlocking import unlock, unlock_keys

if TYPE_CHECKING:
    Base = admin.ModelAdmin[AttemptBudget]
else:
    Base = admin.ModelAdmin  # not generic at run time

PERMISSION = "authkit.unlock"


def may_unlock(request: HttpRequest) -> bool:
    """Whether this request may unlock."""
    return request.user.has_perm(PERMISSION)


class KindFilter(admin.SimpleListFilter):
    """Offers the kinds that there are: asking the table for its scopes would read all of it."""

    title = gettext_lazy("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("name", gettext_lazy("names")),
            ("person", gettext_lazy("people")),
            ("device", gettext_lazy("known devices")),
            ("network", gettext_lazy("networks")),
            ("mails", gettext_lazy("mails")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        # A network has a budget for each use, such as "network-bearer".
        return queryset.filter(scope__startswith=self.value()) if self.value() else queryset


@admin.register(AttemptBudget)
class AttemptBudgetAdmin(ReadOnly, Base):
    """Read-only, but for "Unlock". The keys are digests: which name one belongs to is not to be read here. To unlock a
    person whose name is known, there is the action on the list of people."""

    list_display = ("short_key", "scope", "spent", "held_until", "last_tried")
    list_filter = (KindFilter,)
    list_per_page = 50
    show_full_result_count = False
    paginator = BoundedPages
    # The one that is held longest stands first, by an index: a site under attack has many rows.
    ordering = ("-not_before", "-key")
    sortable_by = ()
    fields = ("key", "scope", "spent", "held_until", "last_tried")
    actions = ("authkit_unlock",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CarefulChangeList]:
        return CarefulChangeList

    @admin.display(description=gettext_lazy("key"))
    def short_key(self, row: AttemptBudget) -> str:
        """The beginning of the digest. All of it would push the other columns out of sight."""
        return f"{row.key[:12]}…"

    @admin.display(description=gettext_lazy("no try before"))
    def held_until(self, row: AttemptBudget) -> str:
        """By the database's clock."""
        return display_for_value(_moment(row.not_before) if row.not_before else None, "-")

    @admin.display(description=gettext_lazy("last try"))
    def last_tried(self, row: AttemptBudget) -> str:
        """By the database's clock."""
        return display_for_value(_moment(row.last_at), "-")

    @admin.action(description=gettext_lazy("Unlock selected %(verbose_name_plural)s"), permissions=["unlock"])
    def authkit_unlock(self, request: HttpRequest, queryset: QuerySet[AttemptBudget]) -> None:
        """The action of the list."""
        count = unlock_keys(list(queryset.values_list("pk", flat=True)), by_id=request.user.pk)
        self.message_user(request, unlocked_sentence(count), level=messages.SUCCESS)

    def has_unlock_permission(self, request: HttpRequest) -> bool:
        """Whether the action is offered."""
        return may_unlock(request)


def unlock_people(request: HttpRequest, people: QuerySet[Any]) -> int:
    """Unlocks these people, each with an event that names who did it. Returns how many budgets there were."""
    return sum(unlock(user=person, by_id=request.user.pk) for person in people)


def unlocked_sentence(count: int) -> str:
    """The sentence after an unlock."""
    return ngettext("%(count)d budget was cleared.", "%(count)d budgets were cleared.", count) % {"count": count}


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / SECOND, UTC)
