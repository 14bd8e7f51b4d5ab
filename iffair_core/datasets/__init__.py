"""Tables by name: the synthetic example and public data sets."""
