"""The form that chooses logins by their way in and their time, instead of by a selection from the list."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from authkit.admin.ways import name_of_way, names_of_ways
from authkit.logins.database_clock import database_now

MINUTES = "%Y-%m-%dT%H:%M"
"""The format of the value of an `<input type="datetime-local">` (HTML, section 2.3.5.3)."""
FIRST_YEAR = 1970


class Criteria(TypedDict):
    """The arguments of `end_logins_where` and `summary_where`."""

    method: str | None
    before: datetime | None


class CriteriaForm(forms.Form):
    """A method, a time, or both. Any method is valid: one without logins has nothing to end."""

    method = forms.CharField(label=gettext_lazy("Came in by"), max_length=64, required=False, widget=forms.Select)
    before = forms.DateTimeField(
        label=gettext_lazy("Signed in before"),
        required=False,
        widget=forms.DateTimeInput(format=MINUTES, attrs={"type": "datetime-local"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["before"].help_text = _("Time zone: %(name)s.") % {"name": timezone.get_current_timezone_name()}

    def offer(self, live: Mapping[str, int] | None) -> None:
        """Lists the ways in that are configured, and those of live logins. A person may look for a provider that was
        taken out of the settings.

        Args:
            live: the number of live logins by method. To count them all takes long, so it is None once the person has
                chosen. Then the chosen method is listed beside the configured ones.
        """
        names = names_of_ways()
        if live is None:
            chosen = self.data.get("method", "")
            ways = [(key, names.get(key, key)) for key in {**names, **({chosen: None} if chosen else {})}]
        else:
            ways = [(key, f"{names.get(key, key)} ({_live(live.get(key, 0))})") for key in {**names, **live}]
        widget: Any = self.fields["method"].widget
        widget.choices = [("", _("any way")), *ways]

    def clean_before(self) -> datetime | None:
        before: datetime | None = self.cleaned_data["before"]
        # No login is older than that, and arithmetic with a time in the year 1 leaves the range of datetime.
        if before is not None and before.year < FIRST_YEAR:
            raise ValidationError(self.fields["before"].error_messages["invalid"])
        if before is not None and before > database_now():
            raise ValidationError(_("This time is in the future. Logins that begin before it can't be ended yet."))
        return before

    def clean(self) -> None:
        if not self.errors and not any(self.criteria().values()):
            raise ValidationError(_("Choose a way in, a time, or both."))

    def criteria(self) -> Criteria:
        """The choice. Only a valid form has one."""
        return {"method": self.cleaned_data["method"] or None, "before": self.cleaned_data["before"]}

    def in_words(self) -> str:
        """The choice in words, for the log and for messages."""
        criteria = self.criteria()
        parts = []
        if criteria["method"] is not None:
            parts.append(_("by %(method)s") % {"method": name_of_way(criteria["method"])})
        if criteria["before"] is not None:
            parts.append(_("from before %(time)s") % {"time": timezone.localtime(criteria["before"]).isoformat()})
        return " ".join(parts)

    def as_answer(self) -> CriteriaForm:
        """The same in hidden fields, the time with microseconds and zone: the logins that end are the ones shown."""
        criteria = self.criteria()
        before = criteria["before"]
        answer = CriteriaForm(
            initial={"method": criteria["method"] or "", "before": "" if before is None else before.isoformat()},
            auto_id=False,
        )
        for field in answer.fields.values():
            field.widget = forms.HiddenInput()
        return answer


def _live(count: int) -> str:
    return ngettext("%(count)d live login", "%(count)d live logins", count) % {"count": count}
