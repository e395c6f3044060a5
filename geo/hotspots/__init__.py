"""Hotspots: where incidents are dense."""
