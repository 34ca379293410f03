"""Passwords that people choose by themselves: changed, set for the first time, reset by mail, or demanded of them."""
