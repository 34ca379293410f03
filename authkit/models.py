"""Where Django looks for the app's models; each lives in its room."""

from authkit.logins.models import BlacklistedToken, GlobalCutoff, Login, UserCutoff
from authkit.social.models import AuthorizationCode, ProviderLogout, ProviderSession, ProviderToken

__all__ = [
    "AuthorizationCode",
    "BlacklistedToken",
    "GlobalCutoff",
    "Login",
    "ProviderLogout",
    "ProviderSession",
    "ProviderToken",
    "UserCutoff",
]
