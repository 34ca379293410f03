"""Where Django looks for the app's models; each lives in its room."""

from authkit.logins.models import GlobalCutoff, Login, UserCutoff

__all__ = ["GlobalCutoff", "Login", "UserCutoff"]
