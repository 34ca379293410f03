"""The JSON API as an OpenAPI document, by drf-spectacular (the extra `openapi`), which is imported here alone.

Nothing of this room is imported where drf-spectacular is not among INSTALLED_APPS, but by `manage.py authkit_openapi`.
"""
