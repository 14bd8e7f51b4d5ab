"""What stands around every page: navigation, deep links, the study card, errors."""
