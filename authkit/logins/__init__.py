"""The ledger: a login is a row, and every credential points at one.

`models` the tables, `reasons` why a login ended, `services` open and end, `rotation` the one conditional UPDATE behind
every refresh, `verdict` whether a login still carries its person, `listeners` what is told of each ending.
"""
