"""Sessions as visitors have them, and the requests that they send."""

import secrets
import time
from collections.abc import Callable, Mapping

from coatcheck.core.engine import Sessions
from coatcheck.core.http import RequestView
from coatcheck.core.record import Record
from coatcheck.core.store import BlockingStore
from coatcheck.wire.codec import encode
from coatcheck.wire.tokens import Token

Work = Callable[[], object]

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def shop_fields() -> dict[str, bytes]:
    """200 bytes, names included: a cart, a setting, a counter, a secret, a path."""
    fields = {
        "cart": encode([{"id": 4711, "title": "A linen coat", "count": 2}, {"id": 12, "count": 1}]),
        "theme": encode("dark"),
        "visits": encode(17),
        "_csrf": encode(secrets.token_urlsafe(32)),
    }
    fields["next"] = encode("/shop/" + "x" * 80)[: 200 - sum(map(len, fields.values())) - 24]
    assert sum(map(len, fields)) + sum(map(len, fields.values())) == 200
    return fields


def used_session(
    fields: Mapping[str, bytes], *, user: str | None = "4711", expires_in: float = 14 * 86400
) -> tuple[Record, Token]:
    """A session with *fields* that was used for a while, and the token in its cookie."""
    token = Token.new()
    now = time.time()
    record = Record(
        id=token.id,
        digest=token.digest,
        created=now,
        seen=now,
        expires=now + expires_in,
        renewed=now,
        fields=fields,
        user=user,
        user_agent=FIREFOX,
        address="192.0.2.1",
        commits=tuple(secrets.token_urlsafe(9) for _ in range(8)),
    )
    return record, token


def request(token: Token | None, method: str = "POST") -> RequestView:
    """What a browser sends over https: our cookie between two others."""
    mine = f"__Host-session={token}; " if token is not None else ""
    cookies = [f"theme=dark; {mine}lang=en".encode()]
    return RequestView(method, True, cookies, FIREFOX, "192.0.2.1")


def with_engine(store: BlockingStore, token: Token, key: str = "visits") -> tuple[Work, Work]:
    """A request that reads *key*, and one that reads and changes it: from cookie to headers."""
    sessions = Sessions(store)
    view = request(token)

    def reads() -> object:
        session = sessions.open(view)
        assert session[key]
        return sessions.commit(session, view)

    def changes() -> object:
        session = sessions.open(view)
        session[key] = session[key] % 100 + 1
        return sessions.commit(session, view)

    return reads, changes
