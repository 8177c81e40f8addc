"""Kinds of classifiers, from texts and targets to raw scores."""
