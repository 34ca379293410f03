"""Invitations: an address that may register, and the groups that its account joins."""
