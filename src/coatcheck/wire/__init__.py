"""Bytes in, bytes out: cookies, tokens, signatures and the codec.

Nothing here knows what a session is, reads a clock or does I/O. The layer above is
``coatcheck.core``.
"""
