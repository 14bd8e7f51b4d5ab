"""What pages are drawn with: widgets, text, help, errors."""
