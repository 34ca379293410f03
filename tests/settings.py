"""Django settings of the suite, steered by the environment.

- ``AUTHKIT_TEST_USER``: ``stock`` (default), ``uuid`` or ``email``: which user model.
- ``DATABASE_URL``: PostgreSQL or MariaDB; SQLite in memory without it.
- ``REDIS_URL``: a Redis; none without it. Each xdist worker has a database of its own: the URL's (0 where it
  names none), the next, and so on.
"""

from __future__ import annotations

import os
import secrets
from urllib.parse import urlsplit

import dj_database_url
import django

import authkit

# A new key for each run, so that no test can rely on a known one; xdist's workers inherit it.
SECRET_KEY = os.environ.setdefault("AUTHKIT_TEST_SECRET_KEY", secrets.token_urlsafe(48))
DEBUG = False
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
USE_TZ = True

USER_MODELS = {"stock": "auth.User", "uuid": "users_uuid.User", "email": "users_email.User"}
TEST_USER = os.environ.get("AUTHKIT_TEST_USER", "stock")
AUTH_USER_MODEL = USER_MODELS[TEST_USER]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
]
if TEST_USER != "stock":
    INSTALLED_APPS.append(f"tests.users_{TEST_USER}")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
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

ROOT_URLCONF = "tests.urls"
STATIC_URL = "static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The suite hashes a password in nearly every test and measures none of them.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

if django.VERSION >= (6, 1):
    # There the older EMAIL_* settings warn, and Django's test runner puts its outbox in here.
    MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}

DATABASES = {"default": dj_database_url.config(default="sqlite://:memory:")}

if "REDIS_URL" in os.environ:
    # A test that flushes its own database leaves its neighbours' alone.
    _redis = urlsplit(os.environ["REDIS_URL"])
    _worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    _location = _redis._replace(path=f"/{int(_redis.path.strip('/') or 0) + _worker}").geturl()
    CACHES = {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": _location}}

# The section of each feature, so that its app is installed.
AUTHKIT: authkit.AuthKitSettings = {"ACCOUNTS": {}, "API_KEYS": {}, "AUDIT": {}, "OAUTH": {}, "SOCIAL": {}}

authkit.configure(globals())
