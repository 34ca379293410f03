"""Authorization codes, PKCE and redirect URIs (RFC 6749, RFC 7636): for every feature that sends a program a code."""
