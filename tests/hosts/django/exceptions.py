"""Tests of Django's own that do not hold with coatcheck, each with its reason."""

EXCEPTIONS: dict[str, str] = {
    "SessionMiddlewareTests.test_empty_session_saved": (
        "looks for the session in the table of Django's own engine"
    ),
    "OurMiddlewareTests.test_empty_session_saved": (
        "goes on with a session after its response, where ours is closed: nothing could be saved"
    ),
    "OurMiddlewareTests.test_save_every_request_with_non_empty_session_renews_session_cookie": (
        "each use counts without a new cookie, which could overwrite that of a parallel login"
    ),
    "OurMiddlewareTests.test_session_delete_on_end": (
        "the line that deletes the cookie has all of its attributes, HttpOnly too"
    ),
    "OurMiddlewareTests.test_session_delete_on_end_with_custom_domain_and_path": (
        "the same, under another domain and path"
    ),
}
