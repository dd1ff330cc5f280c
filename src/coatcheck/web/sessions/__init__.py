"""The app that keeps sessions: it has no pages, only the migrations of the sessions' table.

They run against the database that SESSION_STORE names, which may be another than DATABASE_URL.
"""
