"""The pages of the list of logins that end some of them, those of a way in, or everybody's."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import quote, unquote
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from authkit import conf
from authkit.admin.criteria import CriteriaForm
from authkit.admin.force_logout import PERMISSION
from authkit.admin.log import BATCH_FAILED, log_endings
from authkit.admin.pages import confirmation
from authkit.admin.rows import state_of
from authkit.admin.selection import MOST, SelectionForm, chosen_objects
from authkit.admin.spared import is_spared, spares_superusers, why_spared
from authkit.admin.ways import name_of_way, ways_in_words
from authkit.core.hidden import traced
from authkit.logins.crowds import end_these_logins
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_all_logins, end_logins_where
from authkit.logins.summaries import live_by_method, summary_where
from authkit.signin.step_up import interruption

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Login]
else:
    Base = admin.ModelAdmin  # not generic at run time

logger = logging.getLogger(__name__)


class LoginEndings(Base):
    """The endings that the list of logins offers, each after a page that asks. Each needs `authkit.force_logout`."""

    def has_force_logout_permission(self, request: HttpRequest) -> bool:
        """Whether this request may end logins."""
        return request.user.has_perm(PERMISSION)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("end/", view(self.end_logins_view), name="authkit_login_end"),
            path("<path:object_id>/end/", view(self.end_one_view), name="authkit_login_end_one"),
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
            "logins": [(login, state_of(login), name_of_way(login.method)) for login in ours],
            "form": SelectionForm.of(ours),
            "action_url": reverse("admin:authkit_login_end", current_app=self.admin_site.name),
            "spared": len(logins) - len(ours),
            "why_spared": why_spared(),
        }
        return self._page(request, "authkit/admin/end_logins.html", **shown, **context)

    def end_one_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for confirmation before the login of a page is ended."""
        self._require_force_logout(request)
        login = self.get_object(request, unquote(object_id))
        if login is None:
            self.message_user(request, _("There is no such login any more."), level=messages.WARNING)
            return self._back(request)
        if not self.has_view_permission(request, login):
            raise PermissionDenied
        back = reverse("admin:authkit_login_change", args=[quote(login.pk)], current_app=self.admin_site.name)
        return self._ask(request, [login], title=_("End login"), original=login, back_url=back)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> Any:
        login = options.get("obj")
        if login is not None and self.has_force_logout_permission(request):
            if is_spared(request, login.user):
                context["authkit_why_spared"] = why_spared()
            elif login.is_live(timezone.now()):
                context["authkit_end_url"] = reverse(
                    "admin:authkit_login_end_one", args=[quote(login.pk)], current_app=self.admin_site.name
                )
        return super().render_change_form(request, context, *args, **options)

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
        except BATCH_FAILED as error:
            if not tried:
                raise
            logger.error("Ending several logins stopped after %d of %d: %s", tried, len(found), traced(error))
            failed = True
        text = ngettext("%(count)d login ended.", "%(count)d logins ended.", done)
        self.message_user(request, text % {"count": done}, level=messages.SUCCESS)
        if failed:
            text = ngettext(
                "Then the database failed: %(count)d login was not ended. Please try again.",
                "Then the database failed: %(count)d logins were not ended. Please try again.", len(found) - tried,
            )  # fmt: skip
            self.message_user(request, text % {"count": len(found) - tried}, level=messages.ERROR)
        if len(found) < len(logins):
            self.message_user(request, why_spared(), level=messages.WARNING)

    def end_everybodys_view(self, request: HttpRequest) -> HttpResponse:
        """Signs everybody out, once confirmed, by an administrator who signed in recently (LOGIN.ADMIN_REAUTH)."""
        self._require_force_logout(request)
        if spares_superusers(request):
            # One cutoff ends the logins of all people: it can't spare superusers.
            self.message_user(
                request,
                _("Only a superuser may sign everybody out, superusers included."),
                level=messages.ERROR,
            )
            return self._back(request)
        waits = interruption(request) if conf.current().login.admin_reauth else None
        if waits is not None:
            return waits
        if request.method != "POST":
            summary = summary_where()
            title = _("Sign everybody out")
            return self._page(
                request,
                "authkit/admin/end_everybodys.html",
                title=title,
                summary=summary,
                methods=ways_in_words(summary.methods),
            )
        count = end_all_logins(reason=EndReason.FORCED).count
        text = ngettext("Everybody signed out: %(count)d live login ended.",
                        "Everybody signed out: %(count)d live logins ended.", count) % {"count": count}  # fmt: skip
        return self._done(request, _("everybody"), text)

    def end_where_view(self, request: HttpRequest) -> HttpResponse:
        """Ends logins that came in by a method or before a time: GET asks and shows them, POST ends them."""
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
                "summary": (summary := summary_where(**criteria, spare_superusers=spare)),
                "methods": ways_in_words(summary.methods),
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
        # The entry names no object, so the admin's "recent actions" has no link that leads nowhere.
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
