from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.sites import all_sites
from django.contrib.auth import get_user_model
from django.template.response import TemplateResponse
from django.urls import reverse

from authkit.admin import ForceLogoutMixin
from authkit.admin.checks import check_user_admins
from authkit.admin.reach import reach_user_admins
from tests.fresh_project import APPS, FreshProject


@pytest.fixture
def site() -> Iterator[admin.AdminSite]:
    """An admin site of the project's own, which the admin forgets again."""
    made = admin.AdminSite(name="backstage")
    yield made
    all_sites.discard(made)


class ProjectAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Not Django's UserAdmin, and with everything that a project may have set."""

    actions = ("greet",)
    change_form_template = "project/form.html"
    change_list_template = "project/list.html"

    class Media:
        css = {"all": ["project.css"]}

    @admin.action(description="Greet")
    def greet(self, request: Any, queryset: Any) -> None:
        """Hello."""


def test_stock_site_is_reached_without_a_line_in_the_project() -> None:
    found = admin.site.get_model_admin(get_user_model())
    assert isinstance(found, ForceLogoutMixin)
    assert type(found).__name__ == "UserAdmin"


def test_another_site_is_reached_and_everything_of_the_projects_own_is_kept(site: Any, rf: Any) -> None:
    site.register(get_user_model(), ProjectAdmin)
    reach_user_admins()
    found = site.get_model_admin(get_user_model())
    assert isinstance(found, ForceLogoutMixin)
    assert isinstance(found, ProjectAdmin)
    assert found.actions == ["greet", "authkit_force_logout", "authkit_unlock"]
    assert found.change_form_template == "project/form.html"
    assert found.change_list_template == "project/list.html"
    assert "project.css" in str(found.media)
    assert f"{type(found).__module__}.{type(found).__qualname__}" == f"{__name__}.ProjectAdmin"
    assert found.check() == []


def test_reaching_twice_changes_nothing(site: Any) -> None:
    site.register(get_user_model(), ProjectAdmin)
    reach_user_admins()
    found = site.get_model_admin(get_user_model())
    reach_user_admins()
    assert site.get_model_admin(get_user_model()) is found


def test_mixin_written_down_by_the_project_is_left_alone(site: Any) -> None:
    class ByHand(ForceLogoutMixin, ProjectAdmin):
        pass

    site.register(get_user_model(), ByHand)
    reach_user_admins()
    found = site.get_model_admin(get_user_model())
    assert type(found) is ByHand
    assert found.actions == ["greet", "authkit_force_logout", "authkit_unlock"]


def test_list_whose_actions_are_switched_off_stays_so(site: Any) -> None:
    class WithoutActions(ProjectAdmin):
        actions = None

    site.register(get_user_model(), WithoutActions)
    reach_user_admins()
    assert site.get_model_admin(get_user_model()).actions is None


def test_proxy_of_the_user_model_is_reached(site: Any) -> None:
    users = get_user_model()

    class Member(users):  # type: ignore[valid-type, misc]
        class Meta:
            app_label = "authkit"
            proxy = True

    try:
        site.register(Member, ProjectAdmin)
        reach_user_admins()
        assert isinstance(site.get_model_admin(Member), ForceLogoutMixin)
    finally:
        users._meta.apps.all_models["authkit"].pop("member")
        users._meta.apps.clear_cache()


@pytest.mark.django_db
def test_button_is_added_to_the_projects_own_template(
    boss: Any, user: Any, browse: Any, url: Any, settings: Any, monkeypatch: Any
) -> None:
    own = '{% extends "admin/change_form.html" %}{% block content %}OWN PAGE {{ block.super }}{% endblock %}'
    templates = {**settings.TEMPLATES[0], "APP_DIRS": False}
    loaders = [
        ("django.template.loaders.locmem.Loader", {"project/form.html": own}),
        "django.template.loaders.app_directories.Loader",
    ]
    settings.TEMPLATES = [{**templates, "OPTIONS": {**templates["OPTIONS"], "loaders": loaders}}]
    found = admin.site.get_model_admin(type(user))
    monkeypatch.setattr(found, "change_form_template", "project/form.html")
    page = browse(boss).get(url(user, "change", user.pk)).content.decode()
    assert "OWN PAGE" in page
    assert f'href="{url(user, "force_logout_one", user.pk)}"' in page


@pytest.mark.django_db
def test_page_that_is_no_template_response_is_left_alone(
    boss: Any, user: Any, browse: Any, url: Any, monkeypatch: Any
) -> None:
    from django.http import HttpResponse

    def render(*_: Any, **__: Any) -> HttpResponse:
        return HttpResponse("rendered otherwise")

    monkeypatch.setattr(admin.ModelAdmin, "render_change_form", render)
    response = browse(boss).get(url(user, "change", user.pk))
    assert not isinstance(response, TemplateResponse)
    assert response.content == b"rendered otherwise"


def test_w050_user_admin_that_could_not_be_reached_is_named_with_the_fix(site: Any) -> None:
    assert check_user_admins(app_configs=None) == []
    site.register(get_user_model(), ProjectAdmin)
    (warning,) = check_user_admins(app_configs=None)
    assert warning.id == "authkit.W050"
    assert "ProjectAdmin" in warning.msg
    assert "backstage" in warning.msg
    assert "class ProjectAdmin(authkit.admin.ForceLogoutMixin, ...)" in str(warning.hint)


@pytest.mark.process
def test_w050_authkit_before_the_admin_is_told_to_go_behind_it(tmp_path: Path) -> None:
    end = "\nimport authkit\nauthkit.configure(globals())\n"
    project = FreshProject(tmp_path, apps=["authkit", *APPS], end=end)
    checked = project.manage("check")
    assert "authkit.W050" in checked.stderr
    assert "Put 'authkit' after 'django.contrib.admin'" in checked.stderr


@pytest.mark.process
def test_project_without_the_admin_imports_nothing_of_it(tmp_path: Path) -> None:
    from tests.fresh_project import URLS

    apps = [app for app in APPS if app != "django.contrib.admin"]
    end = "\nimport authkit\nauthkit.configure(globals())\n"
    project = FreshProject(tmp_path, apps=apps, end=end, urls=URLS)
    ran = project.python(
        "import sys\nfrom django.core.management import call_command\ncall_command('check')\n"
        "print([name for name in sys.modules if name.startswith(('authkit.admin', 'django.contrib.admin.models'))])"
    )
    assert ran.stdout.splitlines()[-1] == "[]", ran.stderr


def test_urls_of_a_site_of_the_projects_own_lead_to_that_site(site: Any) -> None:
    site.register(get_user_model(), ProjectAdmin)
    reach_user_admins()
    names = [pattern.name for pattern in site.get_model_admin(get_user_model()).get_urls()]
    label = f"{get_user_model()._meta.app_label}_{get_user_model()._meta.model_name}"
    assert names[:2] == [f"{label}_force_logout", f"{label}_force_logout_one"]
    assert reverse(f"admin:{label}_force_logout").startswith("/admin/")
