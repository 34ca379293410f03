"""Pages for people: sign in, sign out, my logins. Doors to the same services as the JSON endpoints; no JavaScript."""
