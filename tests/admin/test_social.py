"""social_django's tables in the admin: nobody signs in as somebody else by editing a link there."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.urls import reverse
from social_django.models import Association, Nonce, UserSocialAuth

from authkit.logins.models import Login
from authkit.social.admin import ReadOnlyUserSocialAuth, make_links_read_only

pytestmark = pytest.mark.django_db


@pytest.fixture
def link(user: Any) -> UserSocialAuth:
    return UserSocialAuth.objects.create(
        user=user, provider="google", uid="1", extra_data={"label": "ada@idp.test", "access_token": "secret-token"}
    )


def url(what: str, *args: Any, model: str = "usersocialauth") -> str:
    return reverse(f"admin:social_django_{model}_{what}", args=args)


def test_a_clerk_who_may_change_links_cannot_point_one_at_the_boss(
    staff: Any, boss: Any, link: UserSocialAuth, user: Any, browse: Any
) -> None:
    clerk = browse(staff("social_django.change_usersocialauth", "social_django.view_usersocialauth"))
    form = {"user": boss.pk, "provider": "google", "uid": "1", "extra_data": "{}"}
    assert clerk.post(url("change", link.pk), form).status_code == 403
    assert browse(boss).post(url("change", link.pk), form).status_code == 403
    assert browse(boss).post(url("add"), form).status_code == 403
    link.refresh_from_db()
    assert link.user == user


def test_the_page_shows_whose_and_which_account_and_no_token(boss: Any, link: UserSocialAuth, browse: Any) -> None:
    page = browse(boss).get(url("change", link.pk)).content.decode()
    assert "ada@idp.test" in page
    assert "secret-token" not in page


def test_deleting_a_link_ends_the_logins_by_it(boss: Any, link: UserSocialAuth, browse: Any, open_for: Any) -> None:
    login = open_for(link.user)
    Login.objects.filter(pk=login.pk).update(method="google")
    assert browse(boss).post(url("delete", link.pk), {"post": "yes"}).status_code == 302
    assert not Login.objects.live().filter(pk=login.pk).exists()


@pytest.mark.parametrize("model", [Nonce, Association])
def test_the_other_tables_can_be_looked_at_and_not_written(boss: Any, browse: Any, model: Any) -> None:
    name = model._meta.model_name
    assert browse(boss).get(url("changelist", model=name)).status_code == 200
    assert browse(boss).get(url("add", model=name)).status_code == 403


def test_a_secret_of_an_association_is_not_shown(boss: Any, browse: Any) -> None:
    row = Association.objects.create(
        server_url="https://idp.test", handle="h", secret="shared-secret", issued=1, lifetime=1, assoc_type="x"
    )
    page = browse(boss).get(url("change", row.pk, model="association")).content.decode()
    assert "shared-secret" not in page


def test_a_projects_own_class_stays() -> None:
    class Mine(admin.ModelAdmin):  # type: ignore[type-arg]
        pass

    site = admin.AdminSite(name="projects-own")
    site.register(UserSocialAuth, Mine)
    make_links_read_only()
    assert type(site._registry[UserSocialAuth]) is Mine
    assert isinstance(admin.site._registry[UserSocialAuth], ReadOnlyUserSocialAuth)
