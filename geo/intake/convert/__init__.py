"""The reader of foreign binary and XML formats, run in a process of its own with limits.

Nothing here imports the rest of Wangge, GeoPandas or pandas: the process starts in half a second,
and whatever a crafted file does to a library's C code stays in that process. Imports are relative
because the parent starts this folder as a package by itself (see `geo.intake.limited`).
"""
