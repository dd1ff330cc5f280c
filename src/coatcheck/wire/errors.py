"""The root of the error tree, and the errors that the wire itself raises.

Every coatcheck error carries the HTTP status that a host answers with. Messages say what is wrong,
with the value (never a secret), and what to do. ``coatcheck.core.errors`` continues the tree.
"""


class CoatcheckError(Exception):
    """Base of every error that coatcheck raises on purpose. ``status`` is the HTTP answer."""

    status: int = 500


class ConfigurationError(CoatcheckError, ValueError):
    """The site is set up in a way that cannot work. Raised at start, never at a request."""


class InvalidCookie(ConfigurationError):
    """Cookie attributes contradict each other or RFC 6265bis."""


class InvalidKeyring(ConfigurationError):
    """A list of signing keys that is empty or holds an unusable key."""


class CookieTooLarge(CoatcheckError):
    """A cookie whose name and value exceed the 4096 bytes that browsers keep (RFC 6265bis 5.6)."""


class UnsupportedValue(CoatcheckError, TypeError):
    """A value that the codec cannot give back with its type."""


class UndecodableValue(CoatcheckError, ValueError):
    """Stored bytes that this version of the codec cannot read."""
