"""What this app adds to ``manage.py``."""
