"""`uvicorn example_project.asgi:application`"""

from __future__ import annotations

import os
import warnings

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")

# WhiteNoise reads files synchronously. They are a few small ones; a site that serves more puts a proxy before it.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")

application = get_asgi_application()
