"""One family of filters per file: text becomes signals, and an interval over a signal is a verdict."""
