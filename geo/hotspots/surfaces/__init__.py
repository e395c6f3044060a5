"""Density on the ground and along streets, forecasts and how good they are."""
