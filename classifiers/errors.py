"""What a user of the classifier chain can mend."""


class ClassifierError(ValueError):
    """A configuration, file or endpoint that cannot be used; the message names it, the place, and what would do."""
