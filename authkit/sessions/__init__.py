"""Server-side sessions: the store, the middleware that checks each one against its login, sign-in and sign-out."""
