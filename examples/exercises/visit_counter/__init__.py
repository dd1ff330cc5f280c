"""Visit counter: a number in the session."""
