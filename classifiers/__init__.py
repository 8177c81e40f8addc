"""The audited chain from LLM quality annotations to trained classifiers; imports ``pipeline``, never the reverse."""
