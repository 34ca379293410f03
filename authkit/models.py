"""Where Django looks for the app's models; each lives in its room."""

from authkit.logins.models import BlacklistedToken, GlobalCutoff, Login, UserCutoff
from authkit.social.models import AuthorizationCode

__all__ = ["AuthorizationCode", "BlacklistedToken", "GlobalCutoff", "Login", "UserCutoff"]
