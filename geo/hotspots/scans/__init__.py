"""Scan statistics, near repeats and addresses that report again."""
