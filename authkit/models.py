"""The module where Django looks for the app's models. Each model lives in its room."""

from authkit.core.one_time_codes import OneTimeCode
from authkit.limiter.failure_counts import FailureCount
from authkit.limiter.models import AttemptBudget
from authkit.logins.models import BlacklistedToken, GlobalCutoff, Login, UserCutoff
from authkit.mail.models import Delivery
from authkit.revocation.models import CacheEpoch
from authkit.signin.addresses import VerifiedAddress
from authkit.signin.devices import KnownDevice
from authkit.signin.service_accounts import ServiceAccount

__all__ = [
    "AttemptBudget",
    "BlacklistedToken",
    "CacheEpoch",
    "Delivery",
    "FailureCount",
    "GlobalCutoff",
    "KnownDevice",
    "Login",
    "OneTimeCode",
    "ServiceAccount",
    "UserCutoff",
    "VerifiedAddress",
]
