"""authkit beside its peers, in one run: ``python -m benchmarks --help``; README.md says how to read the tables."""
