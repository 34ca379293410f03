"""JWT pairs: keys, codec, DRF authentication, obtain, refresh, verify and revoke.

`authkit.tokens.verify` is for other services and needs no Django; so this package's door imports nothing that does.
"""

from authkit.tokens.stateless import verify

__all__ = ["verify"]
