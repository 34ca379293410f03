"""Settings of the example, steered by the environment; without any of it: SQLite, no service, this machine only.

SECRET_KEY      signs sessions and tokens; made once and kept in the demo's directory if not given
DEBUG           1 for error pages with details; `manage.py demo` sets it
ALLOWED_HOSTS   comma-separated. Beyond this machine, cookies are for TLS only and plain HTTP is redirected
PUBLIC_URL      the address of the site, which is the issuer of its tokens for apps; this machine at PORT if not given
DATABASE_URL    postgres://… or mysql://…
REDIS_URL       redis://…: caching for the whole site, sessions included
REVOCATION      with REDIS_URL, redis or push: how access tokens are checked, if not by the database
DEMO_DIR        where the SQLite file and the secret key live; .demo/ beside manage.py if not given
"""

from __future__ import annotations

import os
from pathlib import Path

import dj_database_url
import django

import authkit
from example_project import state

BASE_DIR = Path(__file__).resolve().parent.parent
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")

SECRET_KEY = os.environ.get("SECRET_KEY") or state.secret_key()
DEBUG = os.environ.get("DEBUG") == "1"
ALLOWED_HOSTS = [host for host in os.environ.get("ALLOWED_HOSTS", "").split(",") if host] or list(LOOPBACK)

INSTALLED_APPS = [
    "example_project.notes",
    "example_project.demo",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "example_project.csp.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
ROOT_URLCONF = "example_project.urls"
WSGI_APPLICATION = "example_project.wsgi.application"
ASGI_APPLICATION = "example_project.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
# Straight from the apps' directories, so that there is no collectstatic to forget.
WHITENOISE_USE_FINDERS = True

DATABASES = {"default": dj_database_url.config(default=f"sqlite:///{state.DIRECTORY / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    state.DIRECTORY.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Several processes write: WAL lets readers go on meanwhile, IMMEDIATE queues writers instead of failing them.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 10,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL",
    }

if redis_url := os.environ.get("REDIS_URL"):
    CACHES = {
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": redis_url,
            "OPTIONS": {
                # With pickle, a program that writes to Redis could run code here.
                "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
                "SOCKET_CONNECT_TIMEOUT": 1,
                "SOCKET_TIMEOUT": 1,
            },
        }
    }

# A cookie that may travel without TLS is for trying things out on one machine.
BEYOND_THIS_MACHINE = not set(ALLOWED_HOSTS) <= set(LOOPBACK)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = BEYOND_THIS_MACHINE
if BEYOND_THIS_MACHINE:
    # Names that no other host can set, a sibling subdomain included. They need TLS.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"

# Mails are printed where the server runs: the example needs no mail server.
MAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": MAIL_BACKEND}}
else:
    EMAIL_BACKEND = MAIL_BACKEND

LOGIN_URL = "authkit:login"
LOGIN_REDIRECT_URL = "home"

REST_FRAMEWORK = {
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 50,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {"TITLE": "Notes", "VERSION": authkit.__version__}

# The origins of the single-page app; on this machine, on any port.
ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS] if BEYOND_THIS_MACHINE else ["http://127.0.0.1", "http://[::1]"]

AUTHKIT: authkit.AuthKitSettings = {
    "SITE_NAME": "authkit example",
    "LOGO": "notes/icon.svg",
    "ACCOUNTS": {},
    "API_KEYS": {"SCOPES": {"notes:read": "Read your notes", "notes:write": "Write, change and delete your notes"}},
    "AUDIT": {},
    "OAUTH": {"SCOPES": {"notes:read": "Read your notes", "notes:write": "Write, change and delete your notes"}},
    "PUBLIC_URL": os.environ.get("PUBLIC_URL") or f"http://127.0.0.1:{os.environ.get('PORT') or 8000}",
    "TOKENS": {"KEYS": state.token_keys},
    "SOCIAL": {"REDIRECT_URIS": [f"{origin}/app/" for origin in ORIGINS]},
}
if redis_url:
    AUTHKIT["REDIS_URL"] = redis_url
    AUTHKIT["REVOCATION"] = {"CHECK": os.environ.get("REVOCATION") or "database"}  # type: ignore[typeddict-item]
if provider := state.demo_provider():
    AUTHKIT["SOCIAL"]["PROVIDERS"] = {"demo-id": provider.section()}

authkit.configure(globals())
