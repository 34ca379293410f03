"""URLs of this feature, mounted by `authkit.urls`."""

from __future__ import annotations

from django.urls import URLPattern, path

from authkit.apikeys import leak_views, pages, views

urlpatterns: list[URLPattern] = [
    path("account/keys/", pages.KeysPage.as_view(), name="account-keys"),
    path("account/keys/<uuid:key_id>/revoke/", pages.RevokeKeyPage.as_view(), name="account-key-revoke"),
    path("account/keys/<uuid:key_id>/rotate/", pages.RotateKeyPage.as_view(), name="account-key-rotate"),
]
api_urlpatterns: list[URLPattern] = [
    path("keys/", views.KeysView.as_view(), name="keys"),
    path("keys/<str:key_id>/", views.KeyView.as_view(), name="key-detail"),
    path("keys/<str:key_id>/rotate/", views.KeyRotationView.as_view(), name="key-rotate"),
    path("leaks/", leak_views.LeaksView.as_view(), name="key-leaks"),
]
