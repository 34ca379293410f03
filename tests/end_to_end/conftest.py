from __future__ import annotations

from typing import Any

import pytest

from tests.services.openid import OpenIDProvider


@pytest.fixture
def with_provider(settings: Any, live_openid: OpenIDProvider) -> None:
    """The certified provider, as a project names it: with the block alone."""
    settings.AUTHKIT = {
        "SOCIAL": {
            "PROVIDERS": {
                "oidc": {
                    "NAME": "Real ID",
                    "ISSUER": live_openid.issuer,
                    "CLIENT_ID": live_openid.client_id,
                    "CLIENT_SECRET": live_openid.client_secret,
                }
            }
        }
    }
