"""Exact tests of cells and their neighbourhoods, under false-discovery control."""
