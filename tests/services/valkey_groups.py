"""Several Valkeys that belong together: a cluster, and a primary that Sentinels watch over.

All are real, from the same wheel as the single one. They take seconds to find each other, so the
run shares them; a test that breaks one starts its own.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from .valkey import free_port, running_valkey, until

SLOTS: Final = 16384
SERVICE: Final = "sessions"


def port_of(url: str) -> int:
    """The port in the URL of one server."""
    port = urlsplit(url).port
    assert port is not None
    return port


def told(url: str, *command: str | int) -> Any:
    """What the server at *url* answers, as the client reads it."""
    import valkey

    with valkey.from_url(url) as client:
        return client.execute_command(*command)


@contextmanager
def running_cluster(folder: Path, *, replicas: int = 0) -> Iterator[list[str]]:
    """The URLs of three primaries that share the slots, then of *replicas* of the first one."""
    with ExitStack() as running:
        urls, buses = [], []
        for number in range(3 + replicas):
            place = folder / f"node{number}"
            place.mkdir()
            buses.append(free_port())
            options = ["--cluster-enabled", "yes", "--cluster-port", str(buses[-1])]
            options += ["--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0"]
            urls.append(running.enter_context(running_valkey(place, *options)))
        for number, url in enumerate(urls[:3]):
            first, last = SLOTS * number // 3, SLOTS * (number + 1) // 3 - 1
            told(url, "CLUSTER", "ADDSLOTSRANGE", first, last)
            told(url, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for url in urls[1:]:
            told(url, "CLUSTER", "MEET", "127.0.0.1", port_of(urls[0]), buses[0])
        until(lambda: all(_knows(url, len(urls)) for url in urls))
        for url in urls[3:]:
            told(url, "CLUSTER", "REPLICATE", told(urls[0], "CLUSTER", "MYID").decode())
        until(lambda: all(_cluster(url)["cluster_state"] == "ok" for url in urls))
        until(lambda: _replicas(urls[0]) == replicas)
        yield urls


def _cluster(url: str) -> dict[str, str]:
    info: dict[str, str] = told(url, "CLUSTER INFO")
    return info


def _knows(url: str, nodes: int) -> bool:
    return int(_cluster(url)["cluster_known_nodes"]) == nodes


def _replicas(url: str) -> int:
    """How many replicas of the server at *url* are up to date."""
    replication = told(url, "INFO", "replication")
    named = [value for name, value in replication.items() if name.startswith("slave")]
    return sum(value["state"] == "online" for value in named if isinstance(value, dict))


@contextmanager
def running_sentinels(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The URL of a service that three Sentinels watch, and those of its primary and its replica."""
    with ExitStack() as running:
        primary, *replicas = (
            running.enter_context(_member(folder, name)) for name in ("primary", "replica")
        )
        for replica in replicas:
            told(replica, "REPLICAOF", "127.0.0.1", port_of(primary))
        until(lambda: _replicas(primary) == len(replicas))
        watchers = [
            running.enter_context(_sentinel(folder, f"sentinel{number}", primary))
            for number in range(3)
        ]
        until(lambda: all(_watches(url) for url in watchers))
        hosts = ",".join(f"127.0.0.1:{port_of(url)}" for url in watchers)
        yield f"valkey+sentinel://{hosts}/{SERVICE}", [primary, *replicas]


@contextmanager
def _member(folder: Path, name: str) -> Iterator[str]:
    (folder / name).mkdir()
    with running_valkey(folder / name, "--repl-diskless-sync-delay", "0") as url:
        yield url


@contextmanager
def _sentinel(folder: Path, name: str, primary: str) -> Iterator[str]:
    settings = folder / f"{name}.conf"
    settings.write_text(
        f"sentinel monitor {SERVICE} 127.0.0.1 {port_of(primary)} 2\n"
        f"sentinel down-after-milliseconds {SERVICE} 1000\n"
        f"sentinel failover-timeout {SERVICE} 5000\n"
    )
    (folder / name).mkdir()
    with running_valkey(folder / name, "--sentinel", settings=settings) as url:
        yield url.removesuffix("/0")


def _watches(url: str) -> bool:
    """Whether the Sentinel at *url* knows the other two and the replica."""
    names = told(url, "SENTINEL", "MASTER", SERVICE)
    known = dict(zip(names[::2], names[1::2], strict=True))
    return bool(known[b"num-other-sentinels"] == b"2" and known[b"num-slaves"] == b"1")


@pytest.fixture(scope="session")
def valkey_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The URLs of the nodes of a cluster that the whole run shares."""
    with running_cluster(tmp_path_factory.mktemp("valkey-cluster")) as urls:
        yield urls


@pytest.fixture(scope="session")
def valkey_sentinels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    """A service that Sentinels watch, for the whole run, and the URLs of its members."""
    with running_sentinels(tmp_path_factory.mktemp("valkey-sentinels")) as service:
        yield service
