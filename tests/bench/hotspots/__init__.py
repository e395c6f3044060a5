"""Hotspots and attribution beside their peers; each module prints one Markdown table."""
