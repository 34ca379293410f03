"""What Django's admin has of this feature."""

from __future__ import annotations

from authkit.accounts.invitations.admin import InvitationAdmin

__all__ = ["InvitationAdmin"]
