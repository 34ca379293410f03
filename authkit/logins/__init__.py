"""The heart: a login is a row, and every credential points at one.

`models` the ledger, `reasons` why a login ended, `services` open, end and end-all, `rotation` the one conditional
UPDATE behind every refresh, `checkers` whether a login still carries, `credentials` who somebody is by password.
"""
