"""The parts of the Reweight page."""
