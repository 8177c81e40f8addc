"""The steps of recipes that score with a trained classifier, and the cut by a share."""
