"""What runs in the workers. Imported once Django is set up there, so these modules import it like any other code."""
