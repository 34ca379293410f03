"""Forced logout on the user list and the user page."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from authkit.admin.budgets import may_unlock, unlock_people, unlocked_sentence
from authkit.admin.log import BATCH_FAILED, log_endings
from authkit.admin.pages import confirmation
from authkit.admin.rows import MOST_ROWS, VIEW, live_rows
from authkit.admin.selection import MOST, SelectionForm, chosen_objects
from authkit.admin.spared import is_spared, why_spared
from authkit.core.hidden import traced
from authkit.logins.crowds import end_logins_of_people
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.logins.summaries import summaries_of

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:
    Base = object

logger = logging.getLogger(__name__)

PERMISSION = "authkit.force_logout"
ACTION = "authkit_force_logout"
UNLOCK_ACTION = "authkit_unlock"


class ForceLogoutMixin(Base):
    """Adds "Force logout" to the ModelAdmin of a user model: an action on the list, a button on the page.

    Both lead to a confirmation that names each person and their live logins; only its POST, with CSRF proof, ends
    anything. Needs the permission `authkit.force_logout`, and to see the person (the ModelAdmin's own view or change
    permission). Each person gets an entry in the admin's log. Put it first: `class UserAdmin(ForceLogoutMixin, ...)`.

    The project's own `actions`, URLs and templates stay as they are: the button is added to the template that the
    page would have been rendered with. A list whose `actions` are None (switched off) gets no action.
    """

    def __init__(self, model: type[Any], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        # Set on the instance: a class attribute would hide the actions of the next class, or be hidden by them.
        if self.actions is not None:
            self.actions = [*self.actions, *(name for name in (ACTION, UNLOCK_ACTION) if name not in self.actions)]

    def has_force_logout_permission(self, request: HttpRequest) -> bool:
        """Whether this request may force people out."""
        return request.user.has_perm(PERMISSION)

    def has_unlock_permission(self, request: HttpRequest) -> bool:
        """Whether this request may unlock people."""
        return may_unlock(request)

    @admin.action(
        description=gettext_lazy("Unlock sign-in of selected %(verbose_name_plural)s"), permissions=["unlock"]
    )
    def authkit_unlock(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Forgets the failed tries of these people. Asks nothing first: it ends nothing and signs no person in."""
        if queryset.count() > MOST:
            text, level = _("Please select at most %(most)d at once.") % {"most": MOST}, messages.ERROR
        else:
            text, level = unlocked_sentence(unlock_people(request, queryset)), messages.SUCCESS
        self.message_user(request, text, level=level)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("authkit-force-logout/", view(self.force_logout_view), name=self._url_name("force_logout")),
            path(
                "<path:object_id>/authkit-force-logout/",
                view(self.force_logout_one_view),
                name=self._url_name("force_logout_one"),
            ),
            path(
                "<path:object_id>/authkit-end-login/",
                view(self.end_login_view),
                name=self._url_name("end_login"),
            ),
            *super().get_urls(),
        ]

    @admin.action(
        description=gettext_lazy("Force logout of selected %(verbose_name_plural)s"), permissions=["force_logout"]
    )
    def authkit_force_logout(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """The action of the list: asks for confirmation."""
        people = list(queryset[: MOST + 1])
        if len(people) > MOST:
            self.message_user(
                request, _("Please select at most %(most)d at once.") % {"most": MOST}, level=messages.ERROR
            )
            return None
        return self._confirmation(request, people, url=self._reverse("force_logout"))

    def force_logout_view(self, request: HttpRequest) -> HttpResponse:
        """The confirmed action of the list."""
        self._require_force_logout(request)
        if request.method == "POST":
            form = SelectionForm(request.POST)
            if form.is_valid():
                keys = form.cleaned_data["chosen"]
                people = chosen_objects(
                    self.get_queryset(request), keys, allowed=lambda obj: self.has_view_permission(request, obj)
                )
                self._force_out(request, people, asked=len(keys))
            else:
                self.message_user(request, _("No person was signed out: the selection got lost."), level=messages.ERROR)
        return HttpResponseRedirect(self._preserving_filters(request, self._reverse("changelist")))

    def force_logout_one_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The confirmation for one person, and the forced logout that follows it."""
        self._require_force_logout(request)
        person = self.get_object(request, unquote(object_id))
        if person is None:
            self.message_user(request, _("There is no such person any more."), level=messages.WARNING)
            return HttpResponseRedirect(self._preserving_filters(request, self._reverse("changelist")))
        if not self.has_view_permission(request, person):
            raise PermissionDenied
        if request.method == "POST":
            self._force_out(request, [person], asked=1)
            return HttpResponseRedirect(self._preserving_filters(request, self._reverse("change", quote(person.pk))))
        return self._confirmation(
            request, [person], url=self._reverse("force_logout_one", quote(person.pk)), person=person
        )

    def end_login_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ends one login of a person: the one whose button was pressed on their page."""
        self._require_force_logout(request)
        person = self.get_object(request, unquote(object_id))
        if person is None or request.method != "POST":
            return HttpResponseRedirect(self._preserving_filters(request, self._reverse("changelist")))
        if not self.has_view_permission(request, person):
            raise PermissionDenied
        if is_spared(request, person):
            self.message_user(request, why_spared(), level=messages.ERROR)
        else:
            self._end_login(request, person, request.POST.get("login", ""))
        return HttpResponseRedirect(self._preserving_filters(request, self._reverse("change", quote(person.pk))))

    def _end_login(self, request: HttpRequest, person: Any, given: str) -> None:
        try:
            login = Login.objects.get(pk=UUID(given), user_id=person.pk)
        except (ValueError, Login.DoesNotExist):
            self.message_user(request, _("There is no such login of this person any more."), level=messages.WARNING)
            return
        if not end_login(login_id=login.pk, user_id=person.pk, reason=EndReason.FORCED).ended:
            self.message_user(request, _("This login was over already."), level=messages.WARNING)
            return
        where = ", ".join(part for part in (login.device, login.ip) if part) or str(login.pk)
        text = _("Login ended: %(where)s.") % {"where": where}
        self.log_change(request, person, text)
        self.message_user(request, text, level=messages.SUCCESS)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,  # noqa: FBT001, FBT002  # as ModelAdmin has it
        change: bool = False,  # noqa: FBT001, FBT002
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        response = super().render_change_form(request, context, add=add, change=change, form_url=form_url, obj=obj)
        may_end = self.has_force_logout_permission(request)
        may_see = may_end or request.user.has_perm(VIEW)
        if obj is None or not may_see or not isinstance(response, TemplateResponse):
            return response
        spared = may_end and is_spared(request, obj)
        rows = live_rows(obj)
        context = {
            "authkit_logins": rows[:MOST_ROWS],
            "authkit_more_url": self._logins_url(request, obj) if len(rows) > MOST_ROWS else "",
            "authkit_why_spared": why_spared() if spared else "",
        }
        if may_end and not spared:
            for name, door in (("force_logout", "force_logout_one"), ("end", "end_login")):
                url = self._reverse(door, quote(obj.pk))
                context[f"authkit_{name}_url"] = self._preserving_filters(request, url)
        # `change_form_template` may be the project's, so the button's template extends the one in use instead.
        response.context_data = {
            **(response.context_data or {}),
            "authkit_extended": response.resolve_template(response.template_name),
            **context,
        }
        response.template_name = "authkit/admin/user_change_form.html"
        return response

    def _require_force_logout(self, request: HttpRequest) -> None:
        if not (self.has_force_logout_permission(request) and self.has_view_permission(request)):
            raise PermissionDenied

    def _force_out(self, request: HttpRequest, people: Sequence[Any], *, asked: int) -> None:
        found = {person.pk: person for person in people if not is_spared(request, person)}
        counts: dict[Any, int] = {}
        failed = False
        try:
            for batch in end_logins_of_people(user_ids=found, reason=EndReason.FORCED):
                counts.update(batch.counts)
                # After the ending, not with it: a log that can't be written must not keep a person signed in.
                log_endings(request, ((found[key], _ended(count)) for key, count in batch.counts.items()))
        except BATCH_FAILED as error:
            if not counts:
                raise
            said = "A forced logout of several people stopped after %d of %d: %s"
            logger.error(said, len(counts), len(found), traced(error))
            failed = True
        self._report(request, counts, left=len(found) - len(counts) if failed else 0)
        if spared := len(people) - len(found):
            self.message_user(request, f"{_spared(spared)} {why_spared()}", level=messages.WARNING)
        vanished = asked - spared - len(counts)
        if vanished and not failed:
            gone = ngettext(
                "%(count)d person is not there any more.", "%(count)d people are not there any more.", vanished
            )
            self.message_user(request, gone % {"count": vanished}, level=messages.WARNING)

    def _report(self, request: HttpRequest, counts: Mapping[Any, int], *, left: int) -> None:
        done, ended = len(counts), sum(counts.values())
        if done:
            people = ngettext(
                "%(count)d person was forced to sign out", "%(count)d people were forced to sign out", done
            )
            logins = ngettext("%(count)d live login ended.", "%(count)d live logins ended.", ended)
            text = f"{people % {'count': done}}; {logins % {'count': ended}}"
            self.message_user(request, text, level=messages.SUCCESS)
        if left:
            text = ngettext(
                "Then the database failed: %(count)d person was not signed out. Please try again.",
                "Then the database failed: %(count)d people were not signed out. Please try again.", left,
            )  # fmt: skip
            self.message_user(request, text % {"count": left}, level=messages.ERROR)

    def _confirmation(
        self, request: HttpRequest, people: list[Any], *, url: str, person: Any = None
    ) -> TemplateResponse:
        spared = [one for one in people if is_spared(request, one)]
        people = [one for one in people if not is_spared(request, one)]
        summaries = summaries_of(user_ids=[one.pk for one in people])
        context = {
            "title": _("Force logout"),
            "opts": self.opts,
            "original": person,
            "people": [(one, summaries[one.pk]) for one in people],
            "spared": spared,
            "why_spared": why_spared(),
            "live_count": sum(summary.count for summary in summaries.values()),
            "includes_me": any(one.pk == request.user.pk for one in people),
            "form": SelectionForm.of(people),
            "action_url": self._preserving_filters(request, url),
            "back_url": self._preserving_filters(
                request, self._reverse("change", quote(person.pk)) if person else self._reverse("changelist")
            ),
        }
        return confirmation(request, self.admin_site, "authkit/admin/force_logout.html", context)

    def _logins_url(self, request: HttpRequest, person: Any) -> str:
        """The URL of the list of this person's logins; empty if the request may not see it on this site."""
        if not (self.admin_site.is_registered(Login) and request.user.has_perm(VIEW)):
            return ""
        url = reverse("admin:authkit_login_changelist", current_app=self.admin_site.name)
        return f"{url}?{urlencode({'user__pk__exact': person.pk})}"

    def _url_name(self, what: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{what}"

    def _reverse(self, what: str, *args: Any) -> str:
        return reverse(f"admin:{self._url_name(what)}", args=args, current_app=self.admin_site.name)

    def _preserving_filters(self, request: HttpRequest, url: str) -> str:
        filters = self.get_preserved_filters(request)
        return add_preserved_filters({"preserved_filters": filters, "opts": self.opts}, url)


def _ended(count: int) -> str:
    text = ngettext(
        "Forced to sign out: %(count)d live login ended.", "Forced to sign out: %(count)d live logins ended.", count
    )
    return text % {"count": count}


def _spared(count: int) -> str:
    text = ngettext("%(count)d superuser was left signed in.", "%(count)d superusers were left signed in.", count)
    return text % {"count": count}
