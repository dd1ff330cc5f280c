"""One visit counter under many kinds of sessions: ours and those of others.

Each app answers the same paths: ``/untouched`` leaves the session alone, ``/read`` reads the
counter, ``/visit`` reads and writes it, ``/slow`` does so with a millisecond in between, as for a
query, and ``/fill`` puts 200 bytes into a new session. ``requests`` calls the apps; no server does.
"""
