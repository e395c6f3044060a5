"""Incidents: their categories, the grid each belongs to, and when each is due."""
