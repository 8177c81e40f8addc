"""Measurements beside the peers, and the fits that constants of the package come from."""
