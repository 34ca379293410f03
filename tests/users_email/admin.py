"""The user in the admin, by the user admin that Django offers for custom models."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin

from .models import User

USERNAME = User.USERNAME_FIELD
FLAGS = ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    """Django's own, told which fields there are."""

    ordering: ClassVar = [USERNAME]
    list_display = (USERNAME, "is_active", "is_staff")
    search_fields = (USERNAME,)
    fieldsets = ((None, {"fields": (USERNAME, "password")}), ("Permissions", {"fields": FLAGS}))
    add_fieldsets = ((None, {"classes": ("wide",), "fields": (USERNAME, "password1", "password2")}),)
