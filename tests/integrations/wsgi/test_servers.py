"""Any WSGI application under gunicorn, 2 workers with 8 threads each: nothing lost (P1)."""

from coatcheck.core.record import Record
from coatcheck.stores.sql import SQLStore
from tests.integrations.wsgi.servers import CLIENTS, REQUESTS, Client, crowd, gunicorn

SITE = "tests.integrations.wsgi.crowd_site:app"


def test_merge_loses_no_key_of_sixteen_clients_with_one_cookie(tmp_path):
    address = f"sqlite:///{tmp_path}/sessions.sqlite3"
    with (
        gunicorn(SITE, tmp_path, STORE=address, ISOLATION="merge") as port,
        Client(port) as first,
    ):
        first.get("/set?key=first&value=1")
        statuses = crowd(
            port, first.cookies, lambda client, number: f"/set?key=k{client}-{number}&value=1"
        )
        assert statuses == {200: CLIENTS * REQUESTS}
        store = SQLStore(address)
        record = store.load(first.cookies["session"].partition(".")[0])
        store.close()
        assert isinstance(record, Record)
        assert len(record.fields) == CLIENTS * REQUESTS + 1


def test_serializable_loses_no_increment_of_sixteen_clients_with_one_cookie(tmp_path):
    address = f"sqlite:///{tmp_path}/sessions.sqlite3"
    with (
        gunicorn(SITE, tmp_path, STORE=address, ISOLATION="serializable") as port,
        Client(port) as first,
    ):
        first.get("/count")
        statuses = crowd(port, first.cookies, lambda client, number: "/count")
        assert statuses == {200: CLIENTS * REQUESTS}
        assert first.get("/count") == str(CLIENTS * REQUESTS + 2)
