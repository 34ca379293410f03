"""The protocol engine: Authlib judges requests, and every effect is a service of ours. No other module imports it.

Read in Authlib 1.9.10, and each point has a test (`tests/oauth/test_engine.py`):
- PKCE allows `plain`, and asks for no challenge; here S256 is asked for before Authlib sees the request.
- A request over http is refused by its own URL, also behind a proxy that ends TLS; here the URL is a constant, since
  `manage.py check` judges the transport.
- A description with characters that RFC 6749 forbids raises ValueError, and some repeat the request, such as a
  response_type that is unknown. Here that is judged before, and every description is replaced.
- The Django integration reads a setting when it is made, and builds answers that its own extension for RFC 9207 breaks
  on; here nothing of it is used.
- A code is deleted after its tokens were issued; here it is used up first.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from authlib.oauth2 import AuthorizationServer, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import OAuth2Payload
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from django.views.decorators.debug import sensitive_variables

from authkit.exceptions import AuthKitError, TokenNotValid
from authkit.oauth import parameters as judged
from authkit.oauth.calls import Call
from authkit.oauth.client_auth import authenticated_client, credentials_in, find_client
from authkit.oauth.clients import may_return_to
from authkit.oauth.id_tokens import read_hint
from authkit.oauth.issuing import redeem_code, refresh_grant, token_answer
from authkit.oauth.models import GrantType, OAuthClient
from authkit.oauth.parameters import Parameters, first
from authkit.oauth.refusals import OAuthRefused, RequestRefused, ReturnedToClient
from authkit.oauth.requests import AuthorizationRequest
from authkit.oauth.resources import OFFLINE_ACCESS, known_by, requested
from authkit.oauth.server_urls import audiences

_URI = "https://localhost/"


def authorization_request(parameters: Parameters) -> AuthorizationRequest:
    """Judges what a client sent a person here with (RFC 6749 section 4.1.1, RFC 7636, RFC 8707).

    Args:
        parameters: of the query, or of the form.

    Raises:
        ReturnedToClient: something is wrong, and the redirect URI is registered, so the client is told.
        OAuthRefused: the client or the redirect URI is wrong: a page says so, because no address is safe to send the
            person to.
    """
    for name in ("client_id", "redirect_uri"):
        if len(parameters.get(name, ())) > 1:
            raise OAuthRefused("invalid_request", "a parameter came more than once")
    client = find_client(first(parameters, "client_id") or "")
    if client is None:
        raise OAuthRefused("invalid_client", "no such client")
    redirect_uri = first(parameters, "redirect_uri")
    if redirect_uri is None or not may_return_to(client, redirect_uri):
        raise OAuthRefused("invalid_request", "the redirect_uri is missing, or is not registered")
    state = judged.state_of(parameters)
    try:
        judged.check(parameters)
        resources = requested(tuple(value for value in parameters.get("resource", ()) if value))
        asked = _Asked(client, parameters, resources)
        scope = _engine_scope(asked)
        return AuthorizationRequest(
            client_id=client.client_id,
            redirect_uri=redirect_uri,
            scope=scope,
            resources=resources,
            challenge=first(parameters, "code_challenge") or "",
            state=state,
            nonce=first(parameters, "nonce"),
            prompt=judged.prompt_of(parameters),
            max_age=judged.max_age_of(parameters),
            acr_values=judged.acr_values_of(parameters),
            login_hint=judged.login_hint_of(parameters),
            subject_hint=_hinted(parameters, client),
        )
    except OAuthRefused as error:
        raise ReturnedToClient(error.code, error.message, redirect_uri=redirect_uri, state=state) from error


def _hinted(parameters: Parameters, client: OAuthClient) -> str:
    hint = first(parameters, "id_token_hint")
    if hint is None:
        return ""
    try:
        hinted = read_hint(hint)
    except TokenNotValid as error:
        raise OAuthRefused("invalid_request", "the id_token_hint is no ID token of this provider") from error
    if hinted.client_id != client.client_id:
        raise OAuthRefused("invalid_request", "the id_token_hint is of another client")
    return hinted.subject


def _engine_scope(asked: _Asked) -> tuple[str, ...]:
    request = _Request("GET", {name: tuple(values) for name, values in asked.parameters.items()})
    server = _Server(asked=asked)
    try:
        grant = server.get_consent_grant(request)
    except OAuth2Error as error:
        raise _translated(error) from error
    return tuple(grant.request.scope.split())


@sensitive_variables()
def token(call: Call) -> dict[str, Any]:
    """The token endpoint (RFC 6749 section 3.2).

    Returns:
        The body of the answer.

    Raises:
        OAuthRefused: in the protocol's words.
        AuthKitError: of client authentication, and of `redeem_code` and `refresh_grant`.
    """
    if call.get("grant_type") is None:
        raise RequestRefused("grant_type is missing.")  # Authlib takes it for an unknown one (RFC 6749 section 5.2)
    values = {name: value if isinstance(value, tuple) else (value,) for name, value in call.form.items()}
    server = _Server(call=call)
    answer: dict[str, Any] = server.create_token_response(_Request("POST", values))
    return answer


class _Payload(OAuth2Payload):  # type: ignore[misc]  # Authlib has no types
    def __init__(self, values: dict[str, tuple[str, ...]]) -> None:
        self._lists = {name: list(given) for name, given in values.items()}

    @property
    def data(self) -> dict[str, Any]:
        return {name: given[0] for name, given in self._lists.items() if given and given[0]}

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return defaultdict(list, self._lists)


class _Request(OAuth2Request):  # type: ignore[misc]
    def __init__(self, method: str, values: dict[str, tuple[str, ...]]) -> None:
        super().__init__(method, _URI)
        self.payload = _Payload(values)

    @property
    def form(self) -> dict[str, Any]:
        data: dict[str, Any] = self.payload.data
        return data


class _Asked:
    """What an authorization request is judged by."""

    def __init__(self, client: OAuthClient, parameters: Parameters, resources: tuple[str, ...]) -> None:
        self.client = client
        self.parameters = parameters
        self.resources = resources


class _Client:
    """Authlib's view of a client (`authlib.oauth2.rfc6749.ClientMixin`)."""

    def __init__(self, row: OAuthClient, resources: tuple[str, ...] = ()) -> None:
        self.row = row
        self._resources = resources

    def get_client_id(self) -> str:
        return self.row.client_id

    def get_default_redirect_uri(self) -> str | None:
        return None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return may_return_to(self.row, redirect_uri)

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and GrantType.AUTHORIZATION_CODE in self.row.grant_types

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.row.grant_types

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """Those that it may ask for; None if there are none (RFC 6749 section 3.3)."""
        allowed = dict.fromkeys(known_by(self._resources, (scope or "").split()))
        may_last = GrantType.REFRESH_TOKEN in self.row.grant_types
        kept = [each for each in allowed if each in self.row.scopes and (may_last or each != OFFLINE_ACCESS)]
        return " ".join(kept) or None


class _Server(AuthorizationServer):  # type: ignore[misc]
    def __init__(self, *, asked: _Asked | None = None, call: Call | None = None) -> None:
        super().__init__()
        self.asked = asked
        self.call = call
        self.register_grant(_CodeGrant)
        self.register_grant(_RefreshGrant)

    def create_oauth2_request(self, request: _Request) -> _Request:
        return request

    def query_client(self, client_id: str) -> _Client | None:
        assert self.asked is not None  # noqa: S101  # only an authorization request looks a client up by its id
        client = self.asked.client
        return _Client(client, self.asked.resources) if client.client_id == client_id else None

    @sensitive_variables()
    def authenticate_client(self, request: _Request, methods: Any, endpoint: str = "token") -> _Client:
        call = self.call
        assert call is not None  # noqa: S101  # only the token endpoint authenticates a client
        form = {name: value for name, value in call.form.items() if isinstance(value, str)}
        credentials = credentials_in(form=form, authorization=call.authorization)
        request.auth_method = credentials.method
        return _Client(authenticated_client(credentials, audiences=audiences(), caller=call.caller))

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nothing listens to Authlib's."""

    def handle_response(self, status: int, body: Any, headers: Any) -> Any:
        return body

    def handle_error_response(self, request: _Request, error: OAuth2Error) -> Any:
        raise _translated(error) from error


class _CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    def query_authorization_code(self, code: str, client: _Client) -> _Presented:
        """Looks nothing up: the code is used up together with all that comes of it."""
        return _Presented()

    def create_token_response(self) -> tuple[int, dict[str, Any], list[Any]]:
        call = self.server.call
        verifier = call.get("code_verifier")
        if verifier is None:
            raise RequestRefused("code_verifier is missing.")
        issued = redeem_code(
            client=self.request.client.row,
            code=call.get("code") or "",
            verifier=verifier,
            redirect_uri=call.get("redirect_uri"),
            resources=call.resources,
            caller=call.caller,
            request=call.request,
        )
        return 200, token_answer(issued), []


class _Presented:
    def get_redirect_uri(self) -> str:
        return ""  # compared where the code is used up


class _RefreshGrant(RefreshTokenGrant):  # type: ignore[misc]
    def authenticate_refresh_token(self, refresh_token: str) -> _PresentedToken:
        return _PresentedToken()

    def _validate_token_scope(self, token: Any) -> None:
        """Judged beside the grant's row, before anything moves on."""

    def create_token_response(self) -> tuple[int, dict[str, Any], list[Any]]:
        call = self.server.call
        issued = refresh_grant(
            client=self.request.client.row,
            refresh=call.get("refresh_token") or "",
            scope=tuple((call.get("scope") or "").split()),
            resources=call.resources,
            caller=call.caller,
        )
        return 200, token_answer(issued), []


class _PresentedToken:
    def check_client(self, client: _Client) -> bool:
        return True  # compared with the token's own claim, which is verified first


def _translated(error: Exception) -> AuthKitError:
    """Authlib's error in words of ours: its own may repeat what the client sent."""
    code = getattr(error, "error", None) or "invalid_request"
    return OAuthRefused(code, _SENTENCES.get(code, "The request can't be understood."))


_SENTENCES = {
    "invalid_request": "The request lacks a parameter, or has one that can't be right.",
    "invalid_scope": "The app may ask for none of these scopes.",
    "unauthorized_client": "The app is not registered for this.",
    "unsupported_response_type": "The response_type can only be code.",
    "unsupported_grant_type": "There is no such grant_type here.",
}
