"""The runner's side of each subcommand: which workers, which pairs, which tables and targets."""
