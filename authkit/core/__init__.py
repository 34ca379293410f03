"""Modules that every room needs and that know no room: clock, ids, client, strict JSON, the base API view."""
