"""Template tags of the deals program."""
