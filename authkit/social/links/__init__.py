"""A person's accounts at providers: connecting, showing and disconnecting them."""
