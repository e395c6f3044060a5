"""The front doors: the browser and the command line."""
