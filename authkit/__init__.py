"""authkit: sessions, JWT and social login for Django, with one way to end them all.

Importing this package does not import Django: a settings module may `import authkit` safely.
"""

__version__ = "0.1.0.dev0"
