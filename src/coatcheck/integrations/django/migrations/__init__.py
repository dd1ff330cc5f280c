"""Steps from one version of the table to the next."""
