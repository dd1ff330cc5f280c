"""Whose connections a Valkey store has: those of a URL, like a client's, over TLS, in a fork."""

import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import valkey
import valkey.asyncio
import valkey.asyncio.sentinel
import valkey.sentinel

from coatcheck.core.errors import ConfigurationError, StoreUnavailable
from coatcheck.stores.valkey import AsyncValkeyStore, ValkeyStore, awaitable, blocking
from coatcheck.stores.valkey.address import borrowed
from tests.services.valkey import running_valkey, until
from tests.services.valkey_groups import SERVICE, port_of, told
from tests.services.valkey_records import Opener, a_record, key_of, open_store, opening
from tests.services.valkey_wire import wire_to

__all__ = ["open_store"]

MODULES: Any = {"blocking": valkey, "awaitable": valkey.asyncio}
SENTINELS: Any = {"blocking": valkey.sentinel, "awaitable": valkey.asyncio.sentinel}


# -- like somebody's client ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["blocking", "awaitable"])
def test_a_client_says_which_server_and_as_whom(tmp_path: Path, kind: str) -> None:
    with running_valkey(tmp_path) as url, opening(kind) as opener:
        told(url, "ACL", "SETUSER", "site", "on", ">right", "~*", "+@all")
        told(url, "CONFIG", "SET", "requirepass", "another")
        # What it does to answers is its own affair: sessions are bytes.
        client = MODULES[kind].Valkey(
            port=port_of(url), db=3, username="site", password="right", decode_responses=True
        )
        store = opener(client)
        record = a_record(user="ann")
        assert store.create(record) is True
        assert store.load(record.id) == record
        with valkey.Valkey(port=port_of(url), db=3, password="another") as other:
            assert other.exists(key_of(record)) == 1


@pytest.mark.parametrize("kind", ["blocking", "awaitable"])
def test_a_client_of_sentinels_names_the_service(
    valkey_sentinels: tuple[str, list[str]], kind: str
) -> None:
    hosts = valkey_sentinels[0].partition("//")[2].partition("/")[0].split(",")
    places = [tuple(host.split(":")) for host in hosts]
    client = SENTINELS[kind].Sentinel(places).master_for(SERVICE)
    with opening(kind) as opener:
        store = opener(client)
        record = a_record()
        assert store.create(record) is True
        assert store.load(record.id) == record
        assert f"service {SERVICE} of the Sentinels" in repr(getattr(store, "store", store))


@pytest.mark.parametrize("kind", ["blocking", "awaitable"])
def test_a_client_of_a_cluster_names_nodes(valkey_cluster: list[str], kind: str) -> None:
    client = MODULES[kind].ValkeyCluster(host="127.0.0.1", port=port_of(valkey_cluster[0]))
    with opening(kind) as opener:
        store = opener(client)
        for _ in range(10):
            record = a_record()
            assert store.create(record) is True
            assert store.load(record.id) == record
    if kind == "blocking":
        client.close()


def test_a_client_over_tls_means_tls() -> None:
    client = valkey.Valkey(host="h", ssl=True, ssl_ca_certs="/etc/ca.pem")
    assert "127.0.0.1" not in repr(ValkeyStore(client))
    address = borrowed(client)
    assert address.tls is True
    assert address.settings["ssl_ca_certs"] == "/etc/ca.pem"


def test_a_client_of_the_other_kind_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="cannot be used by a blocking store"):
        ValkeyStore(valkey.asyncio.Valkey())  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="cannot be used by an awaitable store"):
        AsyncValkeyStore(valkey.Valkey())  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="name HOST:PORT"):
        ValkeyStore(valkey.Valkey(unix_socket_path="/run/valkey.sock"))


# -- kept open -------------------------------------------------------------------------------------


def test_a_connection_serves_one_request_after_another(
    valkey_database: str, open_store: Opener
) -> None:
    store = open_store(valkey_database)
    record = a_record()
    store.create(record)
    before = told(valkey_database, "INFO", "stats")["total_connections_received"]
    for _ in range(20):
        store.load(record.id)
    after = told(valkey_database, "INFO", "stats")["total_connections_received"]
    assert after == before + 1  # the one that asks


def test_a_connection_that_was_idle_for_long_is_opened_anew(
    valkey_database: str, open_store: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(valkey_database)
    record = a_record()
    store.create(record)
    for module in (blocking, awaitable):
        monkeypatch.setattr(module, "IDLE", -1.0)
    before = told(valkey_database, "INFO", "stats")["total_connections_received"]
    assert store.load(record.id) == record
    assert store.load(record.id) == record
    after = told(valkey_database, "INFO", "stats")["total_connections_received"]
    assert after == before + 3


def test_a_closed_store_keeps_no_connection(valkey_database: str) -> None:
    def connected() -> int:
        return int(told(valkey_database, "INFO", "clients")["connected_clients"])

    before = connected()
    for kind in ("blocking", "awaitable"):
        with opening(kind) as opener:
            store = opener(valkey_database)
            store.create(a_record())
            assert connected() == before + 1
        until(lambda: connected() == before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_does_not_speak_over_its_parents_connection(valkey_database: str) -> None:
    store = ValkeyStore(valkey_database)
    records = [a_record() for _ in range(2)]
    for record in records:
        store.create(record)
    with wire_to(valkey_database) as wire:
        store = ValkeyStore(wire.url)
        store.load(records[0].id)
        child = os.fork()
        if child == 0:
            status = 1
            with suppress(BaseException):
                status = 0 if [store.load(records[1].id)] * 50 == [records[1]] * 50 else 2
            os._exit(status)
        for _ in range(50):
            assert store.load(records[0].id) == records[0]
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert store.load(records[0].id) == records[0]


# -- TLS -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for localhost that signs itself, in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl: there is no such program on PATH")
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run(command, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "certificate.pem").read_text())
    return both


@contextmanager
def behind_tls(url: str, certificate: Path) -> Iterator[int]:
    """The port where TLS ends in front of the server at *url*: the wheel's Valkey speaks none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve(client: socket.socket) -> None:
        with client, suppress(OSError), context.wrap_socket(client, server_side=True) as spoken:
            server = socket.create_connection(("127.0.0.1", port_of(url)))
            with server:
                back = threading.Thread(target=pump, args=(server, spoken), daemon=True)
                back.start()
                pump(spoken, server)
                back.join()

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    with listener:
        yield listener.getsockname()[1]


def test_sessions_travel_over_tls(
    valkey_database: str, certificate: Path, open_store: Opener
) -> None:
    with behind_tls(valkey_database, certificate) as port:
        store = open_store(f"valkeys://localhost:{port}/0?ssl_ca_certs={certificate}")
        record = a_record(fields={"large": bytes(200_000)})
        assert store.create(record) is True
        assert store.load(record.id) == record


def test_a_certificate_of_another_host_or_of_nobody_is_refused(
    valkey_database: str, certificate: Path, open_store: Opener
) -> None:
    with behind_tls(valkey_database, certificate) as port:
        for url in (
            f"valkeys://127.0.0.1:{port}/0?ssl_ca_certs={certificate}",
            f"valkeys://localhost:{port}/0",
        ):
            with pytest.raises(StoreUnavailable, match="certificate verify failed"):
                open_store(url).load(a_record().id)
        unchecked = f"valkeys://127.0.0.1:{port}/0?ssl_ca_certs={certificate}&ssl_check_hostname=no"
        assert open_store(unchecked).load(a_record().id) is None
