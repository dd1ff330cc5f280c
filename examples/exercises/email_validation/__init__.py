"""Email Validation: addresses that are checked, and kept in the database."""
