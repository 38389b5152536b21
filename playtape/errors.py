"""What a user can get wrong. Every room may raise these; the command line prints the sentence and exits with 2."""


class BadInput(ValueError):
    """Input that cannot be used. The message is one sentence: it names the value and says what would be legal."""


class Truncated(BadInput):
    """A file that ends before its format says it may. The message names `playtape repair` where that helps."""
