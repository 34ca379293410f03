"""social-core's classes of back ends, which are generic from version 7 on: the only place that tells versions apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from social_core.backends.facebook import FacebookOAuth2
from social_core.backends.github import GithubOAuth2
from social_core.backends.oauth import BaseOAuth2PKCE
from social_core.backends.open_id_connect import OpenIdConnectAuth

if TYPE_CHECKING:
    Facebook = FacebookOAuth2[HttpResponse]
    GitHub = GithubOAuth2[HttpResponse]
    OAuth2PKCE = BaseOAuth2PKCE[HttpResponse]
    OpenIdConnect = OpenIdConnectAuth[HttpResponse]
else:
    Facebook, GitHub, OAuth2PKCE, OpenIdConnect = FacebookOAuth2, GithubOAuth2, BaseOAuth2PKCE, OpenIdConnectAuth
