"""A provider's back end as most of social-core's are: OAuth 2.0, without PKCE, and careless about state."""

from __future__ import annotations

from typing import Any

from social_core.backends.oauth import BaseOAuth2


class PlainOAuth2(BaseOAuth2):
    """Its addresses come from OPTIONS; it asks for no state, and keeps every token that it gets."""

    name = "plain"
    STATE_PARAMETER = False
    REDIRECT_STATE = True
    USE_BASIC_AUTH = True
    ID_KEY = "sub"
    EXTRA_DATA = ["refresh_token", "id_token"]

    def user_data(self, access_token: str, *args: Any, **kwargs: Any) -> Any:
        """Ask UserInfo."""
        return self.get_json(self.setting("USERINFO_URL"), headers={"Authorization": f"Bearer {access_token}"})

    def get_user_details(self, response: Any) -> dict[str, Any]:
        """Believe everything."""
        return {"username": response.get("preferred_username"), "email": response.get("email")}
