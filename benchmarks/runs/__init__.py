"""The runner's side of each subcommand: its workers, its pairs, its tables and targets."""
