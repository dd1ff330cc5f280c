"""The server the other tests rely on is real, and gone when it is no longer needed."""

import pytest
import valkey

from tests.services.valkey import running_valkey


def test_valkey_answers_and_keeps_what_was_written(valkey_database):
    with valkey.from_url(valkey_database) as writer:
        writer.set("ticket", "7")
    with valkey.from_url(valkey_database) as reader:
        assert reader.get("ticket") == b"7"
        assert reader.info("server")["valkey_version"].startswith("8.")


def test_valkey_writes_nothing_to_disk(valkey_url):
    with valkey.from_url(valkey_url) as client:
        assert client.config_get("save") == {"save": ""}
        assert client.config_get("appendonly") == {"appendonly": "no"}


def test_a_server_of_ones_own_takes_options_and_is_gone_afterwards(tmp_path):
    with running_valkey(tmp_path, "--maxmemory", "8mb") as url, valkey.from_url(url) as client:
        assert client.config_get("maxmemory") == {"maxmemory": str(8 * 1024 * 1024)}
    with valkey.from_url(url) as client, pytest.raises(valkey.ConnectionError):
        client.ping()


def test_a_server_that_cannot_start_says_why(tmp_path):
    with (
        pytest.raises(RuntimeError, match="Bad directive"),
        running_valkey(tmp_path, "--no-such", "x"),
    ):
        pass
