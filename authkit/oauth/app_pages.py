"""The page of the apps that a person lets in."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext

from authkit.exceptions import NotFound
from authkit.oauth.granted_apps import apps_of, remove_app
from authkit.pages.views import SignedInPage


class AppsPage(SignedInPage):
    """The apps with access to my account."""

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {"user": request.user, "apps": apps_of(user=request.user)}
        return render(request, "authkit/apps.html", context)


class RemoveApp(SignedInPage):
    """Takes an app's access away. An app that I don't let in gets the answer of one that doesn't exist."""

    def post(self, request: HttpRequest, client_id: str) -> HttpResponse:
        try:
            remove_app(user_id=request.user.pk, client_id=client_id)
        except NotFound as error:
            raise Http404 from error
        messages.success(request, gettext("The app has no access to your account any more."))
        return HttpResponseRedirect(reverse("authkit:account-apps"))
