"""Where Django looks for the app's models; each lives in its room."""

from authkit.logins.models import BlacklistedToken, GlobalCutoff, Login, UserCutoff

__all__ = ["BlacklistedToken", "GlobalCutoff", "Login", "UserCutoff"]
