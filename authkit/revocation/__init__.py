"""Whether an access token still carries its person: by the database, by Redis, or by what Redis has pushed.

Stands above the ledger, which tells it of each ending through a listener (`authkit.logins.listeners`).
"""
