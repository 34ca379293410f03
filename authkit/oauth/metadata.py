"""What clients find out about this provider by themselves: RFC 8414, and OpenID Connect Discovery 1.0 section 3."""

from __future__ import annotations

from typing import Any

from authkit import conf
from authkit.codes.pkce import METHOD
from authkit.oauth.assertions import ALGORITHMS
from authkit.oauth.models import AuthMethod, GrantType
from authkit.oauth.parameters import PROMPTS
from authkit.oauth.resources import default_resource, issuer, sentences
from authkit.oauth.server_urls import url_of
from authkit.oauth.settings import OAuthSettings
from authkit.oauth.signing import signing_key
from authkit.oauth.userinfo import CLAIMS


def server_metadata() -> dict[str, Any]:
    """The document for OAuth clients.

    Raises:
        ImproperlyConfigured: PUBLIC_URL is not set; `manage.py check` says the same.
    """
    methods, provable = list(AuthMethod.values), [name for name in AuthMethod.values if name != AuthMethod.NONE]
    algorithms = list(ALGORITHMS)
    return {
        "issuer": issuer(),
        "authorization_endpoint": url_of("oauth-authorize"),
        "token_endpoint": url_of("oauth-token"),
        "jwks_uri": url_of("jwks"),
        "revocation_endpoint": url_of("oauth-revoke"),
        "introspection_endpoint": url_of("oauth-introspect"),
        "scopes_supported": sorted(sentences((default_resource(), *conf.section(OAuthSettings).resources))),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GrantType.values),
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_methods_supported": provable,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "code_challenge_methods_supported": [METHOD],
        "authorization_response_iss_parameter_supported": True,
    }


def provider_metadata() -> dict[str, Any]:
    """The document for OpenID Connect clients, which holds the other one too.

    Raises:
        ImproperlyConfigured: as `server_metadata`, or no key signs ID tokens.
        KeysUnavailable: the keys can't be read now.
    """
    acr_values = sorted(set(conf.current().tokens.acr_values.values()))
    return {
        **server_metadata(),
        "userinfo_endpoint": url_of("oauth-userinfo"),
        "end_session_endpoint": url_of("oauth-end-session"),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [signing_key().algorithm],
        "claim_types_supported": ["normal"],
        "claims_supported": list(CLAIMS),
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "prompt_values_supported": list(PROMPTS),
        **({"acr_values_supported": acr_values} if acr_values else {}),
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    }
