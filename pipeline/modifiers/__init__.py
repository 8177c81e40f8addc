"""Stages that rewrite the text."""
