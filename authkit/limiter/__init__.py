"""How often a secret that can be guessed may be tried: reserve, verify, then settle (docs/limiter.md)."""
