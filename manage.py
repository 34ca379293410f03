#!/usr/bin/env python
"""Django's command line for the example project."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")
    if sys.argv[1:2] == ["demo"]:
        os.environ.setdefault("DEBUG", "1")  # before the settings are read; the demo listens on the loopback alone
    execute_from_command_line(sys.argv)
