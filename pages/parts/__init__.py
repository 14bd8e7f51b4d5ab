"""The parts of each page, one module or folder per page."""
