"""A small site that uses all of authkit: pages, sessions, tokens, an OpenID provider, the admin."""
