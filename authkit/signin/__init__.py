"""How a person becomes signed in: what is asked of them, by which rules, and what the login then says of it."""
