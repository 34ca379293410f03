"""Django's admin: forcing people to sign out, from the user list, the user page and the list of logins, and
blacklisting a token that was found somewhere.

`ForceLogoutMixin` is for a ModelAdmin of the user model. A project doesn't need to name it: once the admin has found
every ModelAdmin, `reach` puts the mixin in front of each one that is registered for the user model.
"""

from authkit.admin.blacklist import BlacklistedTokenAdmin
from authkit.admin.budgets import AttemptBudgetAdmin
from authkit.admin.force_logout import ForceLogoutMixin
from authkit.admin.logins import LoginAdmin

__all__ = ["AttemptBudgetAdmin", "BlacklistedTokenAdmin", "ForceLogoutMixin", "LoginAdmin"]
