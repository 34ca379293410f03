"""Modules that run in the workers. They are imported once Django is set up there, so they import it as usual."""
