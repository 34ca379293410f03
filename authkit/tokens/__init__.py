"""JWT pairs: keys, codec, DRF authentication, obtain, refresh, verify and revoke."""
