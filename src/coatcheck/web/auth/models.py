"""The table of users."""

from sqlalchemy import Boolean, String
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeEngine

from coatcheck.web.auth.passwords import hash_password, verify_password
from coatcheck.web.database import Model


def _exact(length: int) -> TypeEngine[str]:
    """Text in which MySQL and MariaDB, too, know every letter, and one from another."""
    return String(length).with_variant(String(length, collation="utf8mb4_bin"), "mysql", "mariadb")


class User(Model):
    """Somebody who can log in. The password is kept as an argon2 hash only."""

    username: Mapped[str] = mapped_column(_exact(150), unique=True)
    email: Mapped[str | None] = mapped_column(_exact(254), unique=True)
    password: Mapped[str] = mapped_column(String(255))
    """The hash. Set it with ``set_password``."""
    is_active: Mapped[bool] = mapped_column(Boolean, default=True)
    """Whether the user may log in; switched off, every session of theirs is anonymous at once."""
    is_staff: Mapped[bool] = mapped_column(Boolean, default=False)
    """Whether the user may open the admin pages."""

    is_authenticated = True
    """To ask of ``request.user``, which may also be an AnonymousUser."""

    def set_password(self, password: str) -> None:
        """Keep the hash of *password*. Takes about a tenth of a second, on purpose."""
        self.password = hash_password(password)

    def check_password(self, password: str) -> bool:
        """Whether *password* is this user's. A hash of older settings is renewed on the way."""
        correct, renewed = verify_password(password, self.password)
        if renewed is not None:
            self.password = renewed
        return correct

    def __str__(self) -> str:
        return self.username

    def __repr__(self) -> str:
        return f"<User {self.id}: {self.username}>"
