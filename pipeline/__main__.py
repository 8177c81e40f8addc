"""``python -m pipeline`` is ``migaki``."""

from pipeline.cli import main

main()
