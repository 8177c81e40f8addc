"""Migaki's machine: readers, stages, barriers and the run that carries raw Japanese shards to a corpus."""

__version__ = "0.1.0"
