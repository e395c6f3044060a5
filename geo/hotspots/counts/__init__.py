"""Incidents counted by cell, day and category, and what they are measured against."""
