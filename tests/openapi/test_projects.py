"""The schema of a project that includes authkit's URLs beside its own views: no warning, no error, valid."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fresh_project import APPS, ROOT, FreshProject

pytestmark = pytest.mark.process

END = """
REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}

import authkit

AUTHKIT = {"TOKENS": {"TRANSPORTS": ["hybrid", "cookie"]}}
authkit.configure(globals())
"""

# Names and fields that are ours as well: `UserSerializer`, `LoginSerializer`, `kind`, `code`, `transport`, twice each.
URLS = """
from django.contrib.auth.models import User
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework import generics, serializers

from authkit.sessions.authentication import SessionAuthentication
from authkit.tokens.authentication import TokenAuthentication


class OurTokens(TokenAuthentication):
    pass


class UserSerializer(serializers.ModelSerializer):
    kind = serializers.ChoiceField(choices=["human", "robot"])
    code = serializers.ChoiceField(choices=["red", "green"])
    reason = serializers.ChoiceField(choices=["work", "play"])
    transport = serializers.ChoiceField(choices=["bus", "train"])

    class Meta:
        model = User
        fields = ["id", "username", "kind", "code", "reason", "transport"]


class LoginSerializer(UserSerializer):
    pass


class Users(generics.ListCreateAPIView):
    serializer_class = UserSerializer
    queryset = User.objects.order_by("pk")


class Logins(generics.ListCreateAPIView):
    serializer_class = LoginSerializer
    queryset = User.objects.order_by("pk")
    authentication_classes = [OurTokens, SessionAuthentication]


urlpatterns = [
    path("auth/", include("authkit.urls")),
    path("token/", include("authkit.tokens.simplejwt.urls")),
    path("users/", Users.as_view()),
    path("logins/", Logins.as_view()),
    path("schema/", SpectacularAPIView.as_view()),
]
"""

SERVED = """
import json
from django.test import Client
print(Client().get("/schema/?format=json").content.decode())
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> FreshProject:
    path = tmp_path_factory.mktemp("project")
    return FreshProject(path, end=END, apps=(*APPS, "rest_framework", "drf_spectacular"), urls=URLS)


def test_schema_of_a_fresh_project_has_no_warning(project: FreshProject) -> None:
    done = project.manage("spectacular", "--fail-on-warn", "--validate", "--file", str(project.path / "schema.yaml"))
    assert (done.returncode, done.stderr) == (0, "")
    checked = project.manage("check", "--deploy", "--fail-level", "ERROR")
    assert "drf_spectacular" not in checked.stderr, checked.stderr


def test_served_schema_has_our_calls_and_the_projects_own_by_our_authentication(project: FreshProject) -> None:
    served = project.python(SERVED)
    assert served.stderr == ""
    document = json.loads(served.stdout)
    assert {"/auth/api/me/", "/token/", "/users/"} <= set(document["paths"])
    schemes = document["components"]["securitySchemes"]
    assert {name: schemes[name]["in"] for name in schemes if "in" in schemes[name]} == {
        "authkitAccessCookie": "cookie",
        "authkitCsrfToken": "header",
        "authkitRefreshCookie": "cookie",
        "authkitSession": "cookie",
    }
    ways = [{"authkitBearer": []}, {"authkitAccessCookie": []}, {"authkitSession": []}]
    assert document["paths"]["/logins/"]["get"]["security"][:3] == ways
    unsafe = [ways[0], *({**way, "authkitCsrfToken": []} for way in ways[1:])]
    assert document["paths"]["/logins/"]["post"]["security"][:3] == unsafe
    assert document["components"]["schemas"]["AuthKitTransport"]["enum"] == ["hybrid", "cookie"]
    answer = document["components"]["schemas"]["AuthKitTokenAnswer"]["anyOf"]
    assert [form["$ref"].rpartition("/")[2] for form in answer] == ["AuthKitHybridTokens", "AuthKitCookieTokens"]


def test_without_the_app_nothing_of_drf_spectacular_is_imported(tmp_path: Path) -> None:
    project = FreshProject(tmp_path, end="\nimport authkit\nauthkit.configure(globals())\n")
    loaded = 'import sys; import urls; print([n for n in sys.modules if n.startswith(("drf_sp", "authkit.openapi"))])'
    assert project.python(loaded).stdout.strip() == "[]"


def test_schema_of_the_example_project_has_no_warning(tmp_path: Path) -> None:
    options = ("--fail-on-warn", "--validate", "--file", str(tmp_path / "schema.yaml"))
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "manage.py", "spectacular", *options],
        cwd=ROOT,
        env={**environment, "DEMO_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
