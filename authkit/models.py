"""The module where Django looks for the app's models. Each model lives in its room."""

from authkit.core.one_time_codes import OneTimeCode
from authkit.logins.models import BlacklistedToken, GlobalCutoff, Login, UserCutoff
from authkit.mail.models import Delivery

__all__ = ["BlacklistedToken", "Delivery", "GlobalCutoff", "Login", "OneTimeCode", "UserCutoff"]
