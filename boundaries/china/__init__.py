"""Where China's map services shift coordinates; see `build.py` for how the data were made."""
