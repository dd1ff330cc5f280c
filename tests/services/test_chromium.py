"""The browser the other tests rely on is real, and each page is a new visitor."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest


class _Site(BaseHTTPRequestHandler):
    """Gives a cookie, and shows the one that came."""

    def do_GET(self) -> None:
        body = f"<h1>{self.headers.get('Cookie', 'new here')}</h1>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", "seen=yes")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Keep the test output clean."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Site) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("visit", ["first", "second"])
def test_each_page_belongs_to_a_new_visitor(page, site, visit):
    page.goto(site)
    assert page.inner_text("h1") == "new here"
    page.reload()
    assert page.inner_text("h1") == "seen=yes"
