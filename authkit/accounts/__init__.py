"""Accounts: registration, verified addresses, passwords, deletion; the section ACCOUNTS adds it."""
