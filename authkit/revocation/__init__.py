"""The checks of an access token: by the database, by Redis, or by what Redis has pushed.

Logins are ended by `authkit.logins.services`, and tokens revoked by `authkit.tokens.revoking`; this package asks.

Stands above the ledger, which tells it of each ending through a listener (`authkit.logins.listeners`).
"""
