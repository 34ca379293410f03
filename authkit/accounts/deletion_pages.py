"""The pages on which a person deletes their account, and takes that back."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from authkit.accounts.deletion import cancel_deletion
from authkit.accounts.pages import KeyPage


class CancelDeletionPage(KeyPage):
    """Behind the link of the mail about a deletion: takes it back."""

    template = "authkit/delete_cancel.html"

    def act(self, request: HttpRequest, form: Any) -> HttpResponse:
        cancel_deletion(key=form.cleaned_data["key"])
        return self.show(request, "done")
