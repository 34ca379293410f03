"""Notes: a person sees and changes their own, by session or by bearer token."""
