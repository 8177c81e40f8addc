"""Texts as numbers, by one code for training and serving."""
