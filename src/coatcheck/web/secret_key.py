"""The development key: a secret for a site whose settings name none yet.

It lies in ``.coatcheck/secret_key`` beside the site, readable by its owner only and ignored by git,
so that restarts and worker processes agree on it. Made only while DEBUG is on, or for a site that
has no settings at all.
"""

import hmac
import logging
import os
import secrets
from pathlib import Path

from coatcheck.core.errors import ConfigurationError

logger = logging.getLogger("coatcheck")

MAKE_A_KEY = 'python -c "import secrets; print(secrets.token_urlsafe(48))"'
"""The command that prints a key fit for production."""


def development_key(base_dir: Path) -> str:
    """The key in *base_dir*/.coatcheck, made first if there is none; making it logs one line.

    Processes that start at once agree: a key appears whole or not at all, and the first one stays.
    """
    file = _file(base_dir)
    try:
        if not file.exists():
            _make(file)
        key = file.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigurationError(
            f"SECRET_KEY is not set, and a development key cannot be kept in {file.parent} "
            f"({error.strerror}). Set SECRET_KEY, or let the site write to that folder."
        ) from error
    if not key:
        raise ConfigurationError(f"{file} is empty: delete it, and a new key is made.")
    return key


def is_development_key(key: str, base_dir: Path) -> bool:
    """Whether *key* is the one kept for development."""
    file = _file(base_dir)
    return file.exists() and hmac.compare_digest(key.encode(), file.read_bytes().strip())


def _file(base_dir: Path) -> Path:
    return base_dir / ".coatcheck" / "secret_key"


def _make(file: Path) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    (file.parent / ".gitignore").write_text("*\n", encoding="ascii")
    draft = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(secrets.token_urlsafe(48) + "\n")
    try:
        # A link, not a rename: it fails where a key already stands instead of replacing it.
        file.hardlink_to(draft)
    except FileExistsError:
        return
    finally:
        draft.unlink()
    logger.warning(
        "Made a development key in .coatcheck/secret_key (git ignores it). "
        "A public site needs a SECRET_KEY of its own."
    )
