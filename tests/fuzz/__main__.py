"""Look for inputs that break a promise: ``python -m tests.fuzz SECONDS [TARGET ...]``.

Each target runs in a process of its own for its share of the seconds, guided by coverage
(atheris, libFuzzer), within 512 MB and 5 s an input. What it finds is kept under ``.fuzz/``, so
that the next run goes on from there; what breaks something is written there too, and named.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.fuzz.corpus import CORPUS, WORDS

FOUND = Path(".fuzz")
CHILD = "COATCHECK_FUZZ_TARGET"


def main(arguments: list[str]) -> int:
    seconds = int(arguments[0]) if arguments else 60
    names = arguments[1:] or list(CORPUS)
    failed = []
    for name in names:
        folder = FOUND / name
        folder.mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(CORPUS[name]):
            (folder / f"seed-{number}").write_bytes(data)
        words = FOUND / "words.txt"
        words.write_text("\n".join(f'"{escaped(word)}"' for word in WORDS))
        options = [
            f"-max_total_time={max(1, seconds // len(names))}",
            f"-dict={words}",
            f"-artifact_prefix={FOUND}/{name}-",
            "-rss_limit_mb=512",
            "-malloc_limit_mb=256",
            "-timeout=5",
            "-max_len=20000",
            "-print_final_stats=1",
            "-verbosity=0",
        ]
        say(f"== {name}")
        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzz", *options, str(folder)],
            env=os.environ | {CHILD: name},
            check=False,
        )
        if done.returncode:
            failed.append(name)
    say(f"broken: {', '.join(failed)}" if failed else f"no promise broken in {len(names)} targets")
    return 1 if failed else 0


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def fuzz(name: str) -> None:
    import atheris  # type: ignore[import-untyped,unused-ignore]  # an extra of its own

    with atheris.instrument_imports(include=["coatcheck", "multipart"]):
        from tests.fuzz.targets import TARGETS

    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    if target := os.environ.get(CHILD):
        fuzz(target)
    else:
        sys.exit(main(sys.argv[1:]))
