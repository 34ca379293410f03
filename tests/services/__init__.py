"""The real parts the suite runs against, brought up without root and without a fixed port.

Each module has the same face:

- ``missing()`` says why the part can't be had here, or answers None where it can;
- ``ensure()`` (openid, chromium) installs what may be installed; the runner calls it, once, no test does;
- ``serve()`` is a context manager: starts the part on a free loopback port, stops it by its own process id.

A part is looked for in one order everywhere: an address in the environment, a program of the system, a wheel.
"""
