"""Times, modes and the look of the cookie: checked once, at start."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from coatcheck.core.errors import InvalidCookie, InvalidPolicy
from coatcheck.core.expiry import EXPIRY, Expiry, expiry_of, expiry_value
from coatcheck.core.policy import DAY, SessionCookie, SessionPolicy
from coatcheck.core.record import Lease, Record
from coatcheck.wire.codec import encode


def record(**times):
    common = {"created": 0.0, "seen": 0.0, "expires": 100.0, "renewed": 0.0}
    return Record(id="i", digest=b"", fields={}, **{**common, **times})


# -- SessionPolicy ---------------------------------------------------------------------------------


def test_the_default_is_two_weeks_unused_and_ninety_days_in_all():
    policy = SessionPolicy()
    assert (policy.idle_timeout, policy.lifetime) == (14 * DAY, 90 * DAY)
    assert policy.isolation == "merge"
    assert policy.on_conflict == "last"


@pytest.mark.parametrize(
    "name", ["idle_timeout", "lifetime", "wait", "waiters", "lease", "grace", "max_bytes"]
)
@pytest.mark.parametrize("value", [0, -1, float("nan"), "3600", None], ids=repr)
def test_a_time_or_limit_that_is_no_number_above_zero_is_refused_by_name(name, value):
    with pytest.raises(InvalidPolicy, match=name):
        SessionPolicy(**{name: value})


@pytest.mark.parametrize(
    ("contradiction", "named"),
    [
        ({"idle_timeout": 3600, "lifetime": 1800}, r"idle_timeout \(3600 s\) is longer than life"),
        ({"lifetime": 401 * DAY}, "400 days"),
        ({"lifetime": float("inf")}, "400 days"),
        ({"renew_every": 60, "grace": 60}, r"renew_every \(60 s\) must exceed grace"),
        ({"isolation": "serialisable"}, "use 'merge' or 'serializable'"),
        ({"on_conflict": "first"}, "use 'last' or 'raise'"),
    ],
)
def test_a_contradiction_is_refused_with_the_remedy(contradiction, named):
    with pytest.raises(InvalidPolicy, match=named):
        SessionPolicy(**contradiction)


def test_equal_idle_timeout_and_lifetime_are_allowed():
    SessionPolicy(idle_timeout=1800, lifetime=1800)


def test_a_deadline_is_the_idle_timeout_but_never_beyond_the_lifetime():
    policy = SessionPolicy(idle_timeout=100, lifetime=1000)
    assert policy.deadline(created=0, now=50) == 150
    assert policy.deadline(created=0, now=950) == 1000
    assert policy.deadline(created=0, now=50, idle=10) == 60
    assert policy.deadline(created=0, now=50, idle=5000) == 1000


@pytest.mark.parametrize(
    ("now", "ended"), [(0, False), (99.9, False), (100, True), (101, True), (-50, False)]
)
def test_a_session_ends_at_its_deadline_to_the_moment(now, ended):
    assert SessionPolicy().ended(record(expires=100.0), now) is ended


def test_a_lifetime_that_was_shortened_holds_for_sessions_that_are_there():
    policy = SessionPolicy(idle_timeout=10, lifetime=50)
    used = record(seen=45.0, expires=10_000.0)
    assert policy.ended(used, 50)
    assert not policy.ended(used, 49)


def test_an_idle_timeout_that_was_shortened_holds_for_sessions_that_are_there():
    policy = SessionPolicy(idle_timeout=10, lifetime=50)
    used = record(seen=20.0, expires=10_000.0)
    assert policy.ended(used, 30)
    assert not policy.ended(used, 29)
    assert not policy.ended(used, 30, idle=20), "unless the session has a time of its own"


@pytest.mark.parametrize(("now", "due"), [(0, False), (9.9, False), (10, True), (-20, False)])
def test_a_touch_is_due_every_tenth_of_the_idle_timeout(now, due):
    assert SessionPolicy(idle_timeout=100).touch_due(record(), now) is due


def test_touches_do_not_come_faster_as_the_lifetime_nears_its_end():
    policy = SessionPolicy(idle_timeout=100, lifetime=1000)
    assert not policy.touch_due(record(seen=995.0, expires=1000.0), 999)


def test_a_renewal_is_due_only_where_it_is_asked_for():
    assert not SessionPolicy().renewal_due(record(), 10**9)
    policy = SessionPolicy(renew_every=3600)
    assert not policy.renewal_due(record(), 3599)
    assert policy.renewal_due(record(), 3600)


def test_a_lease_counts_until_its_moment():
    lease = Lease("me", 100.0)
    assert lease.held(99.9)
    assert not lease.held(100.0)


# -- a session's own time --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kept", "means"),
    [
        (60, 60, Expiry(idle=60.0)),
        (0, 0, Expiry(persistent=False)),
        (timedelta(minutes=2), 120, Expiry(idle=120.0)),
        (timedelta(milliseconds=1), 1, Expiry(idle=1.0)),
        (0.5, 1, Expiry(idle=1.0)),
        (
            datetime(2026, 1, 1, tzinfo=UTC),
            datetime(2026, 1, 1, tzinfo=UTC),
            Expiry(moment=1767225600.0),
        ),
        (
            datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))),
            datetime(2026, 1, 1, tzinfo=UTC),
            Expiry(moment=1767225600.0),
        ),
    ],
    ids=repr,
)
def test_what_set_expiry_takes_is_what_it_means(value, kept, means):
    assert expiry_value(value) == kept
    assert expiry_of({EXPIRY: encode(expiry_value(value))}) == means


@pytest.mark.parametrize("value", [-1, timedelta(seconds=-1), -0.5], ids=repr)
def test_a_time_before_now_is_refused(value):
    with pytest.raises(ValueError, match=r"use destroy\(\) to end it"):
        expiry_value(value)


@pytest.mark.parametrize(
    "data",
    [b"\x09damaged", b"", *map(encode, ["soon", None, -5, 1.5, True, [60], {"a": 1}])],
    ids=repr,
)
def test_an_expiry_that_cannot_be_read_leaves_the_policy_in_force(data):
    assert expiry_of({EXPIRY: data}) == Expiry()


# -- SessionCookie ---------------------------------------------------------------------------------


def test_the_cookie_has_the_host_prefix_over_https_and_none_over_http():
    cookie = SessionCookie()
    assert cookie.attributes(https=True).name == "__Host-session"
    assert cookie.attributes(https=True).secure
    assert cookie.attributes(https=False).name == "session"
    assert not cookie.attributes(https=False).secure
    assert cookie.attributes(https=False).http_only


@pytest.mark.parametrize("options", [{"domain": "shop.example"}, {"path": "/shop"}], ids=str)
def test_with_a_domain_or_a_path_it_is_the_secure_prefix(options):
    assert SessionCookie(**options).attributes(https=True).name == "__Secure-session"


def test_secure_true_holds_on_every_connection_and_false_on_none():
    assert SessionCookie(secure=True).attributes(https=False).name == "__Host-session"
    assert SessionCookie(secure=False).attributes(https=True).name == "session"


def test_what_needs_https_is_left_out_over_http_only_where_the_scheme_decides():
    cookie = SessionCookie(same_site="None", partitioned=True)
    assert cookie.attributes(https=True).same_site == "None"
    assert cookie.attributes(https=True).partitioned
    assert cookie.attributes(https=False).same_site == "Lax"
    assert not cookie.attributes(https=False).partitioned


@pytest.mark.parametrize(
    "contradiction",
    [
        {"name": "a b"},
        {"name": ""},
        {"path": "shop"},
        {"path": "/;x"},
        {"domain": "a;b"},
        {"same_site": "lax"},
        {"secure": False, "same_site": "None"},
        {"secure": False, "partitioned": True},
        {"name": "__Host-session"},
        {"name": "__secure-session"},
        {"name": "__Host-session", "prefix": False},
        {"name": "__Host-session", "prefix": False, "secure": False},
        {"name": "__Host-session", "prefix": False, "secure": True, "path": "/shop"},
    ],
    ids=str,
)
def test_contradictions_are_refused_at_start_not_at_a_request(contradiction):
    with pytest.raises(InvalidCookie):
        SessionCookie(**contradiction)


def test_a_prefix_of_ones_own_is_allowed_where_it_always_holds():
    cookie = SessionCookie(name="__Host-id", prefix=False, secure=True)
    assert cookie.attributes(https=True).name == "__Host-id"
