"""Sessions in an SQL database."""
