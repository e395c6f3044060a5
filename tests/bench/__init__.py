"""Wangge beside its peers, measured: `python -m tests.bench` runs all and writes RESULTS.md."""
