"""How places behave over time."""
