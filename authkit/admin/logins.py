"""The ledger in the admin: to look at, to end some logins, to sign everybody out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from authkit.admin.criteria import CriteriaForm
from authkit.admin.force_logout import PERMISSION
from authkit.admin.log import BATCH_FAILED, log_endings
from authkit.admin.pages import confirmation
from authkit.admin.selection import MOST, SelectionForm, chosen_objects
from authkit.admin.spared import is_spared, spares_superusers, why_spared
from authkit.core.admin_lists import CarefulChangeList
from authkit.logins.checkers import origin_stands, verdict
from authkit.logins.crowds import end_these_logins
from authkit.logins.models import GlobalCutoff, Login, LoginQuerySet, UserCutoff
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_everybodys_logins, end_logins_where
from authkit.logins.summaries import live_by_method, summary_where
from authkit.social import presets

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Login]
else:
    Base = admin.ModelAdmin  # not generic at run time

logger = logging.getLogger(__name__)

_NOT_SHOWN = ("auth_hash", "former_auth_hash", "password_digest", "generation")


class StateFilter(admin.SimpleListFilter):
    """Live or not, by the row and the cutoffs."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("live", gettext_lazy("live")), ("over", gettext_lazy("over"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        if self.value() == "live":
            return cast("LoginQuerySet", queryset).live()
        return cast("LoginQuerySet", queryset).over() if self.value() == "over" else queryset


class MethodFilter(admin.SimpleListFilter):
    """The ways in that are configured: asking the table which there are would read all of it."""

    title = gettext_lazy("method")
    parameter_name = "method"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        providers = presets.configured().items()
        return [("password", gettext_lazy("password")), *((key, p.name or key) for key, p in providers)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(method=self.value()) if self.value() else queryset


@admin.register(Login)
class LoginAdmin(Base):
    """Read-only. Nothing here can sign anybody in, and `auth_hash` and the rotation counter are not shown.

    Ending logins needs `authkit.force_logout`, seeing them `authkit.view_login`.
    """

    list_display = ("user", "impersonated_by", "state", "kind", "method", "device", "ip", "created_at", "last_seen_at")
    list_filter = (StateFilter, "kind", MethodFilter, "end_reason", "created_at")
    list_select_related = ("user", "actor")
    list_per_page = 50
    ordering = ("-pk",)  # ids sort by age, and unlike `created_at` have an index
    show_full_result_count = False
    search_help_text = gettext_lazy("A person's name or e-mail address")
    fields = (
        "id", "user", "impersonated_by", "kind", "method", "remembered", "device", "ip", "created_at", "last_seen_at",
        "expires_at", "absolute_expires_at", "state", "ended_at", "end_reason",
    )  # fmt: skip
    actions = ("end_logins",)
    change_list_template = "authkit/admin/login_change_list.html"

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        users = get_user_model()
        return [f"user__{name}" for name in dict.fromkeys((users.USERNAME_FIELD, users.get_email_field_name()))
                if _has_field(users, name)]  # fmt: skip

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CarefulChangeList]:
        return CarefulChangeList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Not by what isn't shown: `?auth_hash__startswith=` would tell it letter by letter."""
        if lookup.split("__", maxsplit=1)[0] in _NOT_SHOWN:
            return False
        return super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Login]:
        cutoffs = UserCutoff.objects.filter(user_id=OuterRef("user_id")).exclude(keeps=OuterRef("pk"))
        mine = cutoffs.values("issued_before")
        everybodys = GlobalCutoff.objects.filter(pk=GlobalCutoff.ONLY).values("issued_before")
        return super().get_queryset(request).annotate(
            user_cutoff=Subquery(mine), global_cutoff=Subquery(everybodys)
        )  # fmt: skip

    @admin.display(description=gettext_lazy("state"))
    def state(self, login: Any) -> str:
        """Live, or why not, as the next request with it would find out."""
        cutoffs = [cutoff for cutoff in (login.user_cutoff, login.global_cutoff) if cutoff is not None]
        why = verdict(user=login.user, login=login, cut_off_at=max(cutoffs, default=None), now=timezone.now())
        if why is None and not origin_stands(login):
            why = EndReason.ORIGIN_ENDED
        return _("live") if why is None else str(why.label)

    @admin.display(description=gettext_lazy("impersonated by"), ordering="actor")
    def impersonated_by(self, login: Login) -> str:
        """Who is in truth behind it; empty for a login that its person opened."""
        if login.parent_id is None:
            return ""
        return _("a deleted person") if login.actor is None else str(login.actor)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows go with their person, and by pruning, never by hand: ending is what works and what is recorded.

        The admin asks this also for rows that a deletion of something else takes along. There the answer is yes, or
        nobody who ever signed in could be deleted; what counts is the permission for what is being deleted.
        """
        match = request.resolver_match
        own = f"{self.opts.app_label}_{self.opts.model_name}_"
        return match is not None and match.url_name is not None and not match.url_name.startswith(own)

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        return {"add": False, "change": False, "delete": False, "view": self.has_view_permission(request)}

    def has_force_logout_permission(self, request: HttpRequest) -> bool:
        """Whether this request may end logins."""
        return request.user.has_perm(PERMISSION)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("end/", view(self.end_logins_view), name="authkit_login_end"),
            path("end-where/", view(self.end_where_view), name="authkit_login_end_where"),
            path("end-everybodys/", view(self.end_everybodys_view), name="authkit_login_end_everybodys"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        may = self.has_force_logout_permission(request)
        context = {
            "authkit_may_force_logout": may,
            "authkit_may_end_everybodys": may and not spares_superusers(request),
        }
        return super().changelist_view(request, {**(extra_context or {}), **context})

    @admin.action(description=gettext_lazy("End selected %(verbose_name_plural)s"), permissions=["force_logout"])
    def end_logins(self, request: HttpRequest, queryset: QuerySet[Login]) -> HttpResponse | None:
        """The action of the list: asks for confirmation."""
        logins = list(queryset.select_related("user")[: MOST + 1])
        if len(logins) > MOST:
            self.message_user(
                request, _("Please select at most %(most)d at once.") % {"most": MOST}, level=messages.ERROR
            )
            return None
        return self._ask(request, logins, title=_("End logins"))

    def _ask(self, request: HttpRequest, logins: Sequence[Login], **context: Any) -> TemplateResponse:
        ours = [login for login in logins if not is_spared(request, login.user)]
        shown = {
            "logins": [(login, self.state(login)) for login in ours],
            "form": SelectionForm.of(ours),
            "action_url": reverse("admin:authkit_login_end", current_app=self.admin_site.name),
            "spared": len(logins) - len(ours),
            "why_spared": why_spared(),
        }
        return self._page(request, "authkit/admin/end_logins.html", **shown, **context)

    def end_logins_view(self, request: HttpRequest) -> HttpResponse:
        """The confirmed action of the list."""
        self._require_force_logout(request)
        form = SelectionForm(request.POST)
        if request.method == "POST" and form.is_valid():
            logins = chosen_objects(
                self.get_queryset(request).select_related("user"),
                form.cleaned_data["chosen"],
                allowed=lambda obj: self.has_view_permission(request, obj),
            )
            self._end_these(request, logins)
        return self._back(request)

    def _end_these(self, request: HttpRequest, logins: Sequence[Login]) -> None:
        found = {login.pk: login for login in logins if not is_spared(request, login.user)}
        tried = done = 0
        failed = False
        try:
            for batch in end_these_logins(login_ids=found, reason=EndReason.FORCED):
                tried, done = tried + batch.tried, done + len(batch.login_ids)
                ended = (found[key] for key in batch.login_ids)
                log_endings(
                    request,
                    ((one, _("Ended by force; it was %(person)s's.") % {"person": one.user}) for one in ended),
                )
        except BATCH_FAILED:
            if not tried:
                raise
            logger.exception("Ending several logins stopped after %d of %d", tried, len(found))
            failed = True
        text = ngettext("%(count)d login ended.", "%(count)d logins ended.", done)
        self.message_user(request, text % {"count": done}, level=messages.SUCCESS)
        if failed:
            text = ngettext(
                "Then it failed: %(count)d login was not ended. Please try again.",
                "Then it failed: %(count)d logins were not ended. Please try again.", len(found) - tried,
            )  # fmt: skip
            self.message_user(request, text % {"count": len(found) - tried}, level=messages.ERROR)
        if len(found) < len(logins):
            self.message_user(request, why_spared(), level=messages.WARNING)

    def end_everybodys_view(self, request: HttpRequest) -> HttpResponse:
        """Signs everybody out, once confirmed."""
        self._require_force_logout(request)
        if spares_superusers(request):
            # One cutoff ends everybody's: it can spare nobody.
            self.message_user(
                request, _("Only a superuser may sign everybody out, superusers among them."), level=messages.ERROR
            )
            return self._back(request)
        if request.method != "POST":
            summary = summary_where()
            title = _("Sign everybody out")
            return self._page(request, "authkit/admin/end_everybodys.html", title=title, summary=summary)
        count = end_everybodys_logins(reason=EndReason.FORCED).count
        text = ngettext("Everybody signed out: %(count)d live login ended.",
                        "Everybody signed out: %(count)d live logins ended.", count) % {"count": count}  # fmt: skip
        return self._done(request, _("everybody"), text)

    def end_where_view(self, request: HttpRequest) -> HttpResponse:
        """Ends what came in by a method or before a time: GET asks and shows what that would be, POST does it."""
        self._require_force_logout(request)
        posted = request.method == "POST"
        asked = bool({"method", "before"} & request.GET.keys())
        form = CriteriaForm(request.POST if posted else request.GET if asked else None)
        valid = form.is_valid()
        if posted and valid:
            return self._end_where(request, form)
        spare = spares_superusers(request)
        form.offer(None if valid else live_by_method(spare_superusers=spare))
        shown = {}
        if valid:
            criteria = form.criteria()
            shown = {
                "summary": summary_where(**criteria, spare_superusers=spare),
                "includes_me": bool(summary_where(**criteria, user_id=request.user.pk).count),
                "why_spared": why_spared() if spare else "",
                "words": form.in_words(),
                "answer": form.as_answer(),
                "action_url": request.path,
            }
        title = _("End logins by way in or time")
        return self._page(request, "authkit/admin/end_where.html", title=title, form=form, **shown)

    def _end_where(self, request: HttpRequest, form: CriteriaForm) -> HttpResponse:
        spare = spares_superusers(request)
        count = end_logins_where(**form.criteria(), spare_superusers=spare, reason=EndReason.FORCED).count
        if spare:
            self.message_user(request, why_spared(), level=messages.WARNING)
        words = form.in_words()
        text = ngettext("%(count)d live login %(words)s ended.", "%(count)d live logins %(words)s ended.", count)
        return self._done(request, _("logins %(words)s") % {"words": words}, text % {"count": count, "words": words})

    def _done(self, request: HttpRequest, whose: str, text: str) -> HttpResponse:
        admin_user: Any = request.user
        # About no object, so that no link of the admin's "recent actions" leads nowhere.
        LogEntry.objects.create(
            user=admin_user,
            content_type=ContentType.objects.get_for_model(Login),
            object_repr=whose[:200],
            action_flag=CHANGE,
            change_message=text,
        )
        self.message_user(request, text, level=messages.SUCCESS)
        return self._back(request)

    def _require_force_logout(self, request: HttpRequest) -> None:
        if not (self.has_force_logout_permission(request) and self.has_view_permission(request)):
            raise PermissionDenied

    def _page(self, request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
        shared = {"opts": self.opts, "back_url": self._list_url()}
        return confirmation(request, self.admin_site, template, {**shared, **context})

    def _back(self, request: HttpRequest) -> HttpResponseRedirect:
        return HttpResponseRedirect(self._list_url())

    def _list_url(self) -> str:
        return reverse("admin:authkit_login_changelist", current_app=self.admin_site.name)


def _has_field(model: Any, name: str) -> bool:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True
