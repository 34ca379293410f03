"""Which way in to take, by what the client is: the questions of `authkit_choose`, and what they lead to.

docs/choosing.md has the same questions, reasons and settings; a test compares the two.
"""

from __future__ import annotations

from authkit.management.questions import Answer, Question, WayIn

_MIGRATE = "Run python manage.py migrate, which makes the tables."

_COOKIE_BLOCK = 'AUTHKIT = {"TOKENS": {"TRANSPORTS": ["cookie"]}}'

PAGES = WayIn(
    heading="Pages that Django renders",
    take="Let people sign in on the pages under auth/. Django's session keeps them signed in.",
    why=(
        "A session cookie is HttpOnly, so a script can't copy it. The session's data stays on the server, and no code "
        "of yours handles a token."
    ),
    block="AUTHKIT = {}",
    steps=('Set LOGIN_URL = "authkit:login".',),
    page="pages.md",
)
SAME_ORIGIN = WayIn(
    heading="A single-page app on the same origin",
    take='Use authkit.js with the transport "cookie": createAuth({ transport: "cookie" }).',
    why=(
        "Both tokens travel in HttpOnly cookies. A script that an attacker injects can use them while the page is "
        "open, but can't copy them. The app and the API share an origin, so there is no CORS to set up."
    ),
    block=_COOKIE_BLOCK,
    page="front-end.md",
)
SIBLING = WayIn(
    heading="A single-page app on a sibling subdomain",
    take='Use authkit.js with the transport "cookie" and the API\'s address as baseUrl.',
    why=(
        "Browsers send cookies between the subdomains of one site, so no script has to hold a token. The app's origin "
        "differs from the API's, so the API has to allow it by CORS."
    ),
    block=_COOKIE_BLOCK,
    steps=("Install django-cors-headers, and add the settings of docs/cors.md, with the app's origin.",),
    page="cors.md",
)
ANOTHER_SITE = WayIn(
    heading="A single-page app on another site",
    take="Give the API a name on the app's site, by DNS or by a proxy. Then sign in as on a sibling subdomain.",
    why=(
        "Browsers don't send authkit's cookies with the requests of a page on another site. The page would have to "
        "take the tokens from the body of an answer, where every script of the page can copy them."
    ),
    block=_COOKIE_BLOCK,
    steps=("If the API can't have such a name, docs/cors.md has the alternatives, and what each costs.",),
    page="cors.md",
)
APP_BY_PASSWORD = WayIn(
    heading="A phone or desktop app",
    take=(
        "Call POST auth/api/token/ once, and POST auth/api/token/refresh/ from then on. Keep both tokens in the "
        "system's key store."
    ),
    why=(
        "An app needs no cookies, because its system has a store for secrets. If a refresh token is copied and used "
        "twice, the login ends."
    ),
    block='AUTHKIT = {"TOKENS": {"TRANSPORTS": ["body"]}}',
    page="http.md",
)
APP_BY_PROVIDER = WayIn(
    heading="A phone or desktop app, through a provider",
    take="Open auth/social/authorize/<id>/ in the system's browser, and send the code to auth/api/social/exchange/.",
    why=(
        "The person types no password into the app. The code works once, and PKCE makes it useless for any other app. "
        "The app needs no client id and no secret of the provider."
    ),
    block="""\
import os

AUTHKIT = {
    "TOKENS": {"TRANSPORTS": ["body"]},
    "SOCIAL": {
        "PROVIDERS": {
            "google": {
                "CLIENT_ID": os.environ["GOOGLE_CLIENT_ID"],
                "CLIENT_SECRET": os.environ["GOOGLE_CLIENT_SECRET"],
            },
        },
        "REDIRECT_URIS": ["com.example.app:/callback"],
    },
}""",
    before=(
        'Install authkit with the extra "social": "./authkit[social]" in place of "./authkit".',
        "Register your site at the provider, as docs/providers.md says, and put the id and the secret into the "
        "environment.",
    ),
    steps=(_MIGRATE,),
    page="apps.md",
)
_PROVIDER_BLOCK = """\
import os

AUTHKIT = {
    "PUBLIC_URL": "https://www.example.com",
    "TOKENS": {"KEYS": os.environ["AUTHKIT_KEYS"]},
    "OAUTH": {"SCOPES": {"notes:read": "Read your notes"}},
}"""
_PROVIDER_BEFORE = (
    'Install authkit with the extra "provider": "./authkit[provider]" in place of "./authkit".',
    "Make a key for the tokens. Keep it where the site's other secrets are, here in the environment:\n"
    'export AUTHKIT_KEYS="$(python manage.py authkit_keys generate --use access --algorithm RS256)"',
)
_PROVIDER_STEPS = (
    "Set PUBLIC_URL to the address of your site, which is http://127.0.0.1:8000 under runserver.",
    'Include authkit.oauth.urls.well_known at the root: path("", include("authkit.oauth.urls.well_known"))',
    _MIGRATE,
    "Set accepts_grants = True and required_scopes on each view that the client may call.",
)

THIRD_PARTY_SERVER = WayIn(
    heading="An app of another company, on its server",
    take=(
        "Be the app's OAuth provider. The app sends people to oauth/authorize, and its server calls oauth/token with "
        "its secret."
    ),
    why=(
        "The other company's code never sees a password. Each person agrees to scopes, finds the app at "
        "auth/account/apps/, and can end its access there. A token of the app opens only views that opt in."
    ),
    before=_PROVIDER_BEFORE,
    block=_PROVIDER_BLOCK,
    steps=(
        *_PROVIDER_STEPS,
        "Register the app:\npython manage.py authkit_oauth_client create NAME --redirect-uri URI --scope notes:read",
    ),
    page="oauth-provider.md",
)
THIRD_PARTY_APP = WayIn(
    heading="An app of another company, on people's devices",
    take=(
        "Be the app's OAuth provider. The app opens oauth/authorize in the system's browser, and calls oauth/token "
        "with PKCE."
    ),
    why=(
        "An app that people install can't keep a secret, so it has none. PKCE ties the code to the app that asked for "
        "it. The rest is as for a server."
    ),
    before=_PROVIDER_BEFORE,
    block=_PROVIDER_BLOCK,
    steps=(
        *_PROVIDER_STEPS,
        "Register the app:\n"
        "python manage.py authkit_oauth_client create NAME --public --redirect-uri URI --scope notes:read",
    ),
    page="oauth-provider.md",
)
TERMINAL = WayIn(
    heading="A command that a person runs",
    take=(
        "Be the command's OAuth provider. The command opens oauth/authorize in a browser, and listens on "
        "http://127.0.0.1 for the code."
    ),
    why=(
        "The person signs in on your site as always, through a provider too, and the command sees no password. The "
        "command keeps a refresh token. The person can end its access at auth/account/apps/."
    ),
    before=_PROVIDER_BEFORE,
    block=_PROVIDER_BLOCK,
    steps=(
        *_PROVIDER_STEPS,
        "Register the command:\npython manage.py authkit_oauth_client create NAME --public "
        "--redirect-uri http://127.0.0.1/callback --scope notes:read --scope offline_access",
    ),
    page="oauth-provider.md",
)
_KEYS_BLOCK = 'AUTHKIT = {"API_KEYS": {"SCOPES": {"notes:read": "Read your notes"}}}'

SCRIPT = WayIn(
    heading="A script that runs by itself",
    take="Give the script an API key of its person, with the scopes that it needs: Authorization: Bearer ak_…",
    why=(
        "No person is there to type a password. A key is limited by scopes, networks and an expiry date. It opens no "
        "page of the account, and stays valid when the person gets a new password. It ends with the account."
    ),
    block=_KEYS_BLOCK,
    steps=(
        _MIGRATE,
        "Set required_scopes on each view that a key may open.",
        "Let the person make the key at auth/account/keys/. The key is shown once.",
    ),
    page="api-keys.md",
)
CALLER = WayIn(
    heading="A service that calls your API",
    take=(
        "Give the service an API key of a service account, with the scopes that it needs: Authorization: Bearer ak_…"
    ),
    why=(
        "The service acts for no person. A service account has no password: it comes in by its keys alone. It stays "
        "when the person who set it up leaves."
    ),
    block=_KEYS_BLOCK,
    steps=(
        _MIGRATE,
        "Set required_scopes on each view that a key may open.",
        'Make a service account in the admin, and press "Make a key" there. The key is shown once.',
    ),
    page="api-keys.md",
)
RECEIVER = WayIn(
    heading="A service that receives your tokens",
    take="Let the service verify access tokens by your public keys, which it fetches from auth/api/jwks.json.",
    why=(
        "A public key verifies and can't sign, so the service holds no secret of yours. It doesn't call your site for "
        "each request, so a token works there until it expires, also after a logout."
    ),
    before=(
        "Make a key for the tokens. Keep it where the site's other secrets are, here in the environment:\n"
        'export AUTHKIT_KEYS="$(python manage.py authkit_keys generate --use access --algorithm ES256)"',
    ),
    block="""\
import os

AUTHKIT = {
    "TOKENS": {
        "KEYS": os.environ["AUTHKIT_KEYS"],
        "ISSUER": "https://www.example.com",
        "AUDIENCE": "https://api.example.com",
    },
}""",
    page="other-services.md",
)

CLIENT = Question(
    "What is the client?",
    (
        Answer("page", "pages that Django renders", PAGES),
        Answer(
            "spa",
            "a single-page app of yours",
            Question(
                "Where is the app served, seen from the API?",
                (
                    Answer("same-origin", "from the same scheme, host and port", SAME_ORIGIN),
                    Answer("sibling", "from another subdomain of the same site", SIBLING),
                    Answer("another-site", "from another site", ANOTHER_SITE),
                ),
            ),
        ),
        Answer(
            "phone",
            "a phone or desktop app of yours",
            Question(
                "How do people sign in there?",
                (
                    Answer("password", "by name and password, in the app", APP_BY_PASSWORD),
                    Answer("provider", "through a provider, such as Google", APP_BY_PROVIDER),
                ),
            ),
        ),
        Answer(
            "third-party",
            "an app that another company writes",
            Question(
                "Where does its code run?",
                (
                    Answer("server", "on a server, which can keep a secret", THIRD_PARTY_SERVER),
                    Answer("device", "on people's devices, or in their browsers", THIRD_PARTY_APP),
                ),
            ),
        ),
        Answer(
            "cli",
            "a command-line tool or a script",
            Question(
                "Is a person there when it signs in?",
                (
                    Answer("person", "yes, at the terminal, with a browser", TERMINAL),
                    Answer("alone", "no, it runs by itself", SCRIPT),
                ),
            ),
        ),
        Answer(
            "service",
            "another service of yours",
            Question(
                "Which side of the call is the service?",
                (
                    Answer("calls", "it calls your API, for no person", CALLER),
                    Answer("receives", "it receives calls with your tokens", RECEIVER),
                ),
            ),
        ),
    ),
)
"""The first question."""
