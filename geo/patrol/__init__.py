"""Patrols: their tracks, and which street pieces each passed."""
