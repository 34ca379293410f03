"""A user model with a UUID primary key and a USERNAME_FIELD of another name."""
