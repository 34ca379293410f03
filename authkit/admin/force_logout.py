"""Forced logout on the user list and the user page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from authkit.admin.pages import confirmation
from authkit.admin.selection import MOST, SelectionForm, chosen_objects
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of
from authkit.logins.summaries import summaries_of

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:
    Base = object

PERMISSION = "authkit.force_logout"
ACTION = "authkit_force_logout"


class ForceLogoutMixin(Base):
    """Adds "Force logout" to the ModelAdmin of a user model: an action on the list, a button on the page.

    Both lead to a confirmation that names each person and their live logins; only its POST, with CSRF proof, ends
    anything. Needs the permission `authkit.force_logout`, and to see the person (the ModelAdmin's own view or change
    permission). Each person gets an entry in the admin's log. Put it first: `class UserAdmin(ForceLogoutMixin, ...)`.

    The project's own `actions`, URLs and templates stay as they are: the button is added to whatever template the
    page would have been rendered with. A list whose `actions` are None (switched off) gets no action.
    """

    def __init__(self, model: type[Any], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        # On the instance: as a class attribute it would hide the actions of the class behind, or be hidden by them.
        if self.actions is not None and ACTION not in self.actions:
            self.actions = [*self.actions, ACTION]

    def has_force_logout_permission(self, request: HttpRequest) -> bool:
        """Whether this request may force anybody out."""
        return request.user.has_perm(PERMISSION)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("authkit-force-logout/", view(self.force_logout_view), name=self._url_name("force_logout")),
            path(
                "<path:object_id>/authkit-force-logout/",
                view(self.force_logout_one_view),
                name=self._url_name("force_logout_one"),
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
                self.message_user(request, _("Nobody was signed out: the selection got lost."), level=messages.ERROR)
        return HttpResponseRedirect(self._preserving_filters(request, self._reverse("changelist")))

    def force_logout_one_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The confirmation for one person, and what it leads to."""
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
        if obj is None or not self.has_force_logout_permission(request) or not isinstance(response, TemplateResponse):
            return response
        # Not by `change_form_template`, which may be the project's: the button extends what would have been shown.
        response.context_data = {
            **(response.context_data or {}),
            "authkit_extended": response.resolve_template(response.template_name),
            "authkit_force_logout_url": self._preserving_filters(
                request, self._reverse("force_logout_one", quote(obj.pk))
            ),
        }
        response.template_name = "authkit/admin/user_change_form.html"
        return response

    def _require_force_logout(self, request: HttpRequest) -> None:
        if not (self.has_force_logout_permission(request) and self.has_view_permission(request)):
            raise PermissionDenied

    def _force_out(self, request: HttpRequest, people: Sequence[Model], *, asked: int) -> None:
        done = ended = 0
        for person in people:
            try:
                count = end_logins_of(user_id=person.pk, reason=EndReason.FORCED).count
            except IntegrityError:
                continue  # deleted since it was read, and the logins with it
            # After it, not with it: a log that can't be written must not keep anybody signed in.
            self.log_change(
                request, person, ngettext(
                    "Forced to sign out: %(count)d live login ended.",
                    "Forced to sign out: %(count)d live logins ended.", count,
                ) % {"count": count},
            )  # fmt: skip
            done, ended = done + 1, ended + count
        self._report(request, done=done, ended=ended, vanished=asked - done)

    def _report(self, request: HttpRequest, *, done: int, ended: int, vanished: int) -> None:
        if done:
            people = ngettext(
                "%(count)d person was forced to sign out", "%(count)d people were forced to sign out", done
            )
            logins = ngettext("%(count)d live login ended.", "%(count)d live logins ended.", ended)
            text = f"{people % {'count': done}}; {logins % {'count': ended}}"
            self.message_user(request, text, level=messages.SUCCESS)
        if vanished:
            gone = ngettext(
                "%(count)d person is not there any more.", "%(count)d people are not there any more.", vanished
            )
            self.message_user(request, gone % {"count": vanished}, level=messages.WARNING)

    def _confirmation(
        self, request: HttpRequest, people: list[Any], *, url: str, person: Any = None
    ) -> TemplateResponse:
        summaries = summaries_of(user_ids=[one.pk for one in people])
        context = {
            "title": _("Force logout"),
            "opts": self.opts,
            "original": person,
            "people": [(one, summaries[one.pk]) for one in people],
            "live_count": sum(summary.count for summary in summaries.values()),
            "includes_me": any(one.pk == request.user.pk for one in people),
            "form": SelectionForm.of(people),
            "action_url": self._preserving_filters(request, url),
            "back_url": self._preserving_filters(
                request, self._reverse("change", quote(person.pk)) if person else self._reverse("changelist")
            ),
        }
        return confirmation(request, self.admin_site, "authkit/admin/force_logout.html", context)

    def _url_name(self, what: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{what}"

    def _reverse(self, what: str, *args: Any) -> str:
        return reverse(f"admin:{self._url_name(what)}", args=args, current_app=self.admin_site.name)

    def _preserving_filters(self, request: HttpRequest, url: str) -> str:
        filters = self.get_preserved_filters(request)
        return add_preserved_filters({"preserved_filters": filters, "opts": self.opts}, url)
