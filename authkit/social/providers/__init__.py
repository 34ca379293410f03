"""Which providers there are, and how an answer of one is asked for and verified."""
