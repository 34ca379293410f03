"""The page of connected accounts."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext

from authkit.exceptions import LastLoginMethod, NotFound
from authkit.pages.views import SignedInPage
from authkit.signin.step_up import interruption
from authkit.social.links.connections import Connection, connections_of, disconnect, providers_to_connect
from authkit.social.providers.registry import configured


class ConnectionsPage(SignedInPage):
    """My connected accounts, and the providers where another one may be connected."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return _show(request, notice=self._notice(request))

    def _notice(self, request: HttpRequest) -> str:
        # The query says what just happened. Any page can link here with such a query, so it is repeated only if true.
        names = {provider.id: provider.name for provider in configured()}
        there = {connection.provider for connection in connections_of(user=request.user)}
        connected, disconnected = request.GET.get("connected", ""), request.GET.get("disconnected", "")
        if connected in names and connected in there:
            return gettext("Your account at %(name)s is connected.") % {"name": names[connected]}
        if disconnected in names and disconnected not in there:
            return gettext("Your account at %(name)s is no longer connected.") % {"name": names[disconnected]}
        return ""


class Disconnect(SignedInPage):
    """Takes one of my connected accounts away, after a recent sign-in. Another person's gets the answer of one that
    doesn't exist."""

    def post(self, request: HttpRequest, connection_id: int) -> HttpResponse:
        waits = interruption(request, back=reverse("authkit:account-connections"))
        if waits is not None:
            return waits
        try:
            gone = disconnect(user_id=request.user.pk, connection_id=connection_id)
        except NotFound as error:
            raise Http404 from error
        except LastLoginMethod as error:
            return _show(request, error=gettext(error.message), status=409)
        query = urlencode({"disconnected": gone.provider})
        return HttpResponseRedirect(f"{reverse('authkit:account-connections')}?{query}")


def _show(request: HttpRequest, *, notice: str = "", error: str = "", status: int = 200) -> HttpResponse:
    connections: list[Connection] = connections_of(user=request.user)
    context = {
        "user": request.user,
        "connections": connections,
        "others": providers_to_connect(connections=connections),
        "notice": notice,
        "error": error,
    }
    return render(request, "authkit/connections.html", context, status=status)
