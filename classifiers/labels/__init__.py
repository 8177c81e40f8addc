"""Labelled documents: read, grouped, split."""
