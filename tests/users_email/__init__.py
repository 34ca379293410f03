"""A user model that has no username at all: people are their address."""
