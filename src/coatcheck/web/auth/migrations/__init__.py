"""The steps that build the table of users."""
