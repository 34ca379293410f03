"""The events in the admin: a timeline to read, an export of it, and "Why was this person signed out?"."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db import router, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from authkit import events
from authkit.admin.pages import confirmation
from authkit.admin.ways import name_of_way
from authkit.audit.events import AuditExported
from authkit.audit.export import FORMATS, lines
from authkit.audit.models import Event
from authkit.audit.spreadsheets import csv_lines
from authkit.audit.timeline import label_of, reason_in_words
from authkit.audit.why_form import WhyForm, explanation, people_called
from authkit.core.admin_lists import BoundedPages, CarefulChangeList, ReadOnly
from authkit.core.hidden import Hidden
from authkit.core.identifiers import first_uuid7_at
from authkit.exceptions import NotFound, TokenNotValid
from authkit.logins.models import Login

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Event]
else:
    Base = admin.ModelAdmin  # not generic at run time

CHUNK = 2000
SPANS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}


class NameFilter(admin.SimpleListFilter):
    """Offers the events that are declared: asking the table for its names would read all of it."""

    title = gettext_lazy("event")
    parameter_name = "event"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return sorted((name, label_of(name)) for name in events.known())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(name=self.value()) if self.value() else queryset


class TimeFilter(admin.SimpleListFilter):
    """By the id, which sorts by time."""

    title = gettext_lazy("time")
    parameter_name = "since"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("hour", gettext_lazy("the last hour")),
            ("day", gettext_lazy("the last 24 hours")),
            ("week", gettext_lazy("the last 7 days")),
            ("month", gettext_lazy("the last 30 days")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        span = SPANS.get(self.value() or "")
        return queryset if span is None else queryset.filter(pk__gte=first_uuid7_at(timezone.now() - span))


@admin.register(Event)
class EventAdmin(ReadOnly, Base):
    """Read-only. Seeing the events, and exporting them, needs `authkit_audit.view_event`."""

    list_display = ("when", "what", "person", "by", "place", "cause")
    list_filter = (TimeFilter, NameFilter)
    list_select_related = ("user", "actor")
    list_per_page = 50
    list_max_show_all = 0
    paginator = BoundedPages  # older events are reached by a filter, or by the export
    ordering = ("-id",)
    sortable_by = ()  # every other order would sort the table
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each would count the table
    search_fields = ("user",)  # see get_search_results
    search_help_text = gettext_lazy("A person's whole name or e-mail address, or the id of a login or of an event")
    fields = (
        "id", "at", "what", "name", "outcome", "cause", "user", "actor", "login_id", "door", "way", "ip", "device",
        "request_id", "count", "more",
    )  # fmt: skip
    readonly_fields = ("what", "cause", "way", "more")
    actions = None
    change_list_template = "authkit/admin/event_change_list.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CarefulChangeList]:
        return CarefulChangeList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only what an index answers."""
        return lookup in {"since", "event", "user__id__exact", "user_id__exact", "user__pk__exact", "user"}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        """Searches by the person first, because the index begins with the person."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            wanted = UUID(term)
        except ValueError:
            return queryset.filter(user_id__in=people_called(term)), False
        owner = Login.objects.filter(pk=wanted).values_list("user_id", flat=True).first()
        if owner is None:
            return queryset.filter(pk=wanted), False
        return queryset.filter(user_id=owner, login_id=wanted), False

    @admin.display(description=gettext_lazy("time"))
    def when(self, event: Event) -> str:
        """In the server's time zone, to the second."""
        return f"{timezone.localtime(event.at):%Y-%m-%d %H:%M:%S}"

    @admin.display(description=gettext_lazy("event"))
    def what(self, event: Event) -> str:
        """In words, and how often."""
        label = label_of(event.name)
        return _("%(event)s, %(count)d times") % {"event": label, "count": event.count} if event.count > 1 else label

    @admin.display(description=gettext_lazy("person"))
    def person(self, event: Event) -> str:
        """The person of the account; of a deleted one, the key."""
        return _name_of(event.user_id, _found(event, "user"))

    @admin.display(description=gettext_lazy("by"))
    def by(self, event: Event) -> str:
        """The person who did it, where that is another one."""
        return "" if event.actor_id == event.user_id else _name_of(event.actor_id, _found(event, "actor"))

    @admin.display(description=gettext_lazy("device and address"))
    def place(self, event: Event) -> str:
        """Where the request came from."""
        parts = [part for part in (event.device, event.ip) if part]
        return format_html_join(mark_safe("<br>"), "{}", ((part,) for part in parts))

    @admin.display(description=gettext_lazy("reason"))
    def cause(self, event: Event) -> str:
        """The reason of an ending, or the way in."""
        return reason_in_words(event.reason) or (name_of_way(event.method) if event.method else "")

    @admin.display(description=gettext_lazy("method"))
    def way(self, event: Event) -> str:
        """The way in, by its name."""
        return name_of_way(event.method) if event.method else ""

    @admin.display(description=gettext_lazy("more"))
    def more(self, event: Event) -> str:
        """`extra` as JSON."""
        return format_html("<code>{}</code>", json.dumps(event.extra, ensure_ascii=False, indent=1))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("export/", view(self.export_view), name="authkit_audit_event_export"),
            path("why/", view(self.why_view), name="authkit_audit_event_why"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        query = request.GET.urlencode()
        shown = {"authkit_export_query": query, "authkit_formats": [*FORMATS, "csv"]}
        return super().changelist_view(request, {**(extra_context or {}), **shown})

    def export_view(self, request: HttpRequest) -> Any:
        """Streams the rows that the list shows by its filters, all of them. POST, because it writes an event."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        form = request.POST.get("format", "")
        if form not in {*FORMATS, "csv"}:
            form = "jsonl"
        rows = self.get_changelist_instance(request).queryset.select_related(None).order_by("pk")
        using = router.db_for_write(Event)
        with transaction.atomic(using=using):
            # Before the first row leaves: an export that breaks off has been one too.
            exported = AuditExported(format=form, filters=request.GET.urlencode()[:1000])
            events.announce(exported, sender=Event, using=using)
        found = rows.iterator(chunk_size=CHUNK)
        content = csv_lines(found) if form == "csv" else lines(found, form=form)
        kind = "text/csv" if form == "csv" else "application/x-ndjson"
        name = f"events.{'csv' if form == 'csv' else 'jsonl'}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return StreamingHttpResponse(content, content_type=f"{kind}; charset=utf-8", headers=headers)

    @method_decorator(sensitive_post_parameters("token"))
    def why_view(self, request: HttpRequest) -> HttpResponse:
        """Explains an ending. POST, so that neither a name nor a token is in an address."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form, context = WhyForm(request.POST if request.method == "POST" else None), {}
        if request.method == "POST" and form.is_valid():
            context = self._explained(**form.cleaned_data)
        kept = {name: request.POST.get(name, "") for name in ("person", "at")}
        if form.is_valid() or request.method != "POST":
            form = WhyForm(initial=kept)
        else:
            form = WhyForm({**kept, "token": ""})
        shared = {
            "title": _("Why was this person signed out?"),
            "opts": self.opts,
            "back_url": reverse("admin:authkit_audit_event_changelist", current_app=self.admin_site.name),
            "form": form,
        }
        return confirmation(request, self.admin_site, "authkit/admin/why.html", {**shared, **context})

    def _explained(self, *, person: str, at: Any, token: str) -> dict[str, Any]:
        try:
            found = explanation(person=person, at=at, token=Hidden(token.strip()))
        except TokenNotValid:
            return {"wrong": _("This is not a token of this site, or it is damaged.")}
        except NotFound:
            return {"wrong": _("Nothing is known of that login. Its row and its events may have been pruned.")}
        if found is None:
            return {"wrong": _("Name one person exactly, or paste a token or the id of a login.")}
        shown = [(self.when(row), self.what(row), self.cause(row), _doer(row), self.place(row)) for row in found.events]
        return {"found": found, "rows": shown}


def _found(event: Event, column: str) -> Any:
    # The database holds no constraint: the person may be deleted.
    try:
        return getattr(event, column)
    except get_user_model().DoesNotExist:
        return None


def _name_of(key: Any, person: Any) -> str:
    if key is None:
        return ""
    return str(person) if person is not None else _("deleted (%(key)s)") % {"key": key}


def _doer(event: Event) -> str:
    if event.actor_id is None:
        return _("unknown, or a command")
    name = _name_of(event.actor_id, _found(event, "actor"))
    return _("%(name)s, who is the person") % {"name": name} if event.actor_id == event.user_id else name
