"""The rules of time, isolation and cookie look, checked once at start.

Decisions that follow from them are methods over values; nothing here reads a clock.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from coatcheck.wire.cookies import LONGEST_AGE, CookieAttributes, SameSite

from .errors import InvalidCookie, InvalidPolicy
from .record import Record

DAY = 86400

Isolation = Literal["merge", "serializable"]
OnConflict = Literal["last", "raise"]


@dataclass(frozen=True)
class SessionPolicy:
    """How long sessions live and what happens when two requests change one. Times in seconds.

    *idle_timeout* ends a session that nobody used for so long, *lifetime* ends it in any case.
    *isolation* "serializable" makes writing requests of one session take turns, for up to *wait*
    seconds and *waiters* at a time in each process, under leases of *lease* seconds; "merge" lets
    the later write of a key stand, or with *on_conflict* "raise" raises ``SessionConflict``.
    *renew_every* replaces the secret now and then; the old one opens the session for *grace* more
    seconds. *device* keeps user agent and address for device lists. *max_bytes* bounds what one
    session holds.
    Raises ``InvalidPolicy`` for contradictions.
    """

    idle_timeout: float = 14 * DAY
    lifetime: float = 90 * DAY
    isolation: Isolation = "merge"
    on_conflict: OnConflict = "last"
    wait: float = 10.0
    waiters: int = 64
    lease: float = 30.0
    renew_every: float | None = None
    grace: float = 60.0
    device: bool = True
    max_bytes: int = 1024 * 1024

    def __post_init__(self) -> None:
        for name in ("idle_timeout", "lifetime", "wait", "waiters", "lease", "grace", "max_bytes"):
            value = getattr(self, name)
            if not isinstance(value, int | float):
                raise InvalidPolicy(f"{name} is {value!r}: it must be a number, such as 3600.")
            if not value > 0:  # nor is "not a number"
                raise InvalidPolicy(f"{name} is {value}: it must be more than 0.")
        if self.idle_timeout > self.lifetime:
            raise InvalidPolicy(
                f"idle_timeout ({self.idle_timeout:g} s) is longer than lifetime "
                f"({self.lifetime:g} s), so it can never apply. Shorten idle_timeout, or raise "
                "lifetime in SessionPolicy(...)."
            )
        if self.lifetime > LONGEST_AGE:
            raise InvalidPolicy(
                f"lifetime is {self.lifetime:g} s, and browsers keep a cookie for at most "
                f"{LONGEST_AGE} s (400 days, RFC 6265bis 5.5)."
            )
        if self.renew_every is not None and self.renew_every <= self.grace:
            raise InvalidPolicy(
                f"renew_every ({self.renew_every:g} s) must exceed grace ({self.grace:g} s)."
            )
        if not isinstance(self.device, bool):  # "no" would be taken for yes
            raise InvalidPolicy(f"device is {self.device!r}: it must be True or False.")
        if self.isolation not in ("merge", "serializable"):
            raise InvalidPolicy(f"isolation={self.isolation!r}: use 'merge' or 'serializable'.")
        if self.on_conflict not in ("last", "raise"):
            raise InvalidPolicy(f"on_conflict={self.on_conflict!r}: use 'last' or 'raise'.")

    def deadline(self, created: float, now: float, idle: float | None = None) -> float:
        """When a session from *created*, used at *now*, ends; *idle* overrides the timeout."""
        return min(now + (self.idle_timeout if idle is None else idle), created + self.lifetime)

    def ended(self, record: Record, now: float, idle: float | None = None) -> bool:
        """Whether the record's time is over, by its deadline or by the times in force now."""
        idle = self.idle_timeout if idle is None else idle
        return (
            now >= record.expires
            or now >= record.created + self.lifetime
            or now - record.seen >= idle
        )

    def touch_due(self, record: Record, now: float, idle: float | None = None) -> bool:
        """Whether a use at *now* moves the deadline: at most every tenth of the idle timeout."""
        return now - record.seen >= (self.idle_timeout if idle is None else idle) / 10

    def renewal_due(self, record: Record, now: float) -> bool:
        """Whether the secret is old enough to be replaced."""
        return self.renew_every is not None and now - record.renewed >= self.renew_every


@dataclass(frozen=True)
class SessionCookie:
    """How the session's cookie looks. *secure* "auto" follows the scheme of each request.

    Over https the name carries ``__Host-`` (``__Secure-`` with a *domain* or a *path*), over plain
    http it stands alone. *persistent* False makes the cookie end with the browser.
    Contradictions raise ``InvalidCookie`` at start.
    """

    name: str = "session"
    path: str = "/"
    domain: str | None = None
    secure: bool | Literal["auto"] = "auto"
    http_only: bool = True
    same_site: SameSite = "Lax"
    partitioned: bool = False
    persistent: bool = True
    prefix: bool = field(default=True)

    def __post_init__(self) -> None:
        if self.prefix and self.name.lower().startswith(("__host-", "__secure-")):
            raise InvalidCookie(
                f"cookie name {self.name!r} has a prefix already: leave it out, it is added over "
                "https; or keep it with prefix=False and secure=True."
            )
        if self.secure is not False:
            _ = self.over_https
        if self.secure is not True:
            _ = self.over_http

    def attributes(self, *, https: bool) -> CookieAttributes:
        """The attributes for a request that came over https, or not."""
        if self.secure == "auto":
            return self.over_https if https else self.over_http
        return self.over_https if self.secure else self.over_http

    @cached_property
    def over_https(self) -> CookieAttributes:
        prefix = ""
        if self.prefix:
            prefix = "__Host-" if self.path == "/" and self.domain is None else "__Secure-"
        return self._attributes(prefix + self.name, secure=True)

    @cached_property
    def over_http(self) -> CookieAttributes:
        return self._attributes(self.name, secure=False)

    def _attributes(self, name: str, *, secure: bool) -> CookieAttributes:
        same_site, partitioned = self.same_site, self.partitioned
        if self.secure == "auto" and not secure:
            # Plain http is for development: there, what needs https is left out.
            same_site, partitioned = "Lax" if same_site == "None" else same_site, False
        return CookieAttributes(
            name, self.path, self.domain, secure, self.http_only, same_site, partitioned
        )
