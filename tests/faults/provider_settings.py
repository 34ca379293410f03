"""The example's settings, with the provider at the address in ISSUER."""

from __future__ import annotations

import os

from tests.faults.settings import *  # noqa: F403
from tests.faults.settings import AUTHKIT
from tests.services.crooked import CLIENT_ID, CLIENT_SECRET

AUTHKIT["SOCIAL"] = {
    "PROVIDERS": {
        "oidc": {
            "NAME": "Wonderland",
            "ISSUER": os.environ["ISSUER"],
            "CLIENT_ID": CLIENT_ID,
            "CLIENT_SECRET": CLIENT_SECRET,
        }
    },
}
