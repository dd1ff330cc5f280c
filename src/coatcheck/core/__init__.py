"""What a session is and what happens to it: decisions over values, and one order of store calls.

No clock, no driver and no framework here; they are passed in. Stores and integrations stand above.
"""
