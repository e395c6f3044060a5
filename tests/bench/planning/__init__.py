"""The planning engine beside its peers: `python -m tests.bench.planning --help`."""
