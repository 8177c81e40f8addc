"""The built-in sample: a small crawl of a fictional town, written for it, with one of everything the pipeline meets."""
