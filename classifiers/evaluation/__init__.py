"""Figures of classifiers on documents they have not seen, and the cards that tell them."""
