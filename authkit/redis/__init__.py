"""Redis as people run it: one way to send a command, with time limits, a breaker, and a stamp of the server's run."""
