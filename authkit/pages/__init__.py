"""Pages for people: sign in, sign out, my logins. Each is a thin door to the service behind its JSON twin."""
