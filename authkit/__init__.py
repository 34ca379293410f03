"""authkit: sessions, JWT and social login for Django, with one way to end them all.

Importing this package does not import Django: a settings module may `import authkit` safely.
"""

from authkit.typed import AuthKitSettings
from authkit.wiring import configure

__all__ = ["AuthKitSettings", "configure"]

__version__ = "0.1.0.dev0"
