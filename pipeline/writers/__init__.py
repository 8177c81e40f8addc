"""Output formats: the corpus with its manifest and dataset card."""
