"""`manage.py demo`: the example with people, passwords and an OpenID provider, on one machine, in one process."""
