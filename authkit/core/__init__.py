"""What every room needs and that knows none of them: clock, ids, client, strict JSON, the base API view."""
