"""The text that the demo prints when it is up."""

from __future__ import annotations

from collections.abc import Mapping

WELCOME = """
authkit's example is up: {site}/        (Ctrl-C stops it)

{passwords}

To click:
  {site}/auth/register/  make an account of your own; its mail is printed here
  {site}/auth/login/     sign in as demo, or with "Sign in with Demo ID" (an OpenID provider at {issuer})
  {site}/auth/account/   your account: where you are signed in, how to end it, and what happened in the last week
  {site}/app/            the same as a single-page app; open it in two tabs
  {site}/admin/          as admin: Users, choose people, then "Force logout of selected users"; and Events
  {app}/
                         an app of another company: "Connect" asks demo to let it read the notes, and "Apps with access"
                         on the account page takes that back

To paste into another terminal:
{curls}

The same database meanwhile, by its own command line:
  .venv/bin/python manage.py authkit_force_logout demo
"""

CURLS = (
    # The session way: the CSRF cookie and token first, as a browser would have them; then the person.
    'J=$(mktemp); C=$(curl -s -c $J {site}/auth/api/session/ | sed \'s/.*"csrf_token": *"\\([^"]*\\)".*/\\1/\'); '
    "curl -s -b $J -c $J -H \"X-CSRFToken: $C\" -H 'Content-Type: application/json' "
    '-d \'{{"username": "demo", "password": "{demo}"}}\' {site}/auth/api/session/login/; echo; '
    "curl -s -b $J {site}/auth/api/me/; echo",
    # The token way: the pair is shown, the access token is kept for the next line.
    'P=$(curl -s -H \'Content-Type: application/json\' -d \'{{"username": "demo", "password": "{demo}"}}\' '
    '{site}/auth/api/token/); echo "$P"; A=$(echo "$P" | sed \'s/.*"access": *"\\([^"]*\\)".*/\\1/\')',
    'curl -s -H "Authorization: Bearer $A" -H \'Content-Type: application/json\' -d \'{{"text": "by bearer token"}}\' '
    "{site}/api/notes/; echo",
)


def welcome(*, site: str, issuer: str, passwords: Mapping[str, str], app: str) -> str:
    """The whole text.

    Args:
        site: scheme, host and port of the example.
        issuer: host and port of the provider.
        passwords: by user name.
        app: scheme, host and port of the app of a third party.
    """
    curls = [f"  {line.format(site=site, demo=passwords['demo'])}" for line in CURLS]
    lines = [f"{name}: {password}" for name, password in passwords.items()]
    return WELCOME.format(
        site=site,
        issuer=issuer,
        passwords="\n".join(lines),
        curls="\n\n".join(curls),
        app=app,
    )
