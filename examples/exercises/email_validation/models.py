"""The table of addresses."""

from datetime import datetime

from coatcheck.web import Mapped, Model, func, mapped_column


class Address(Model):
    email: Mapped[str] = mapped_column(unique=True)
    added: Mapped[datetime] = mapped_column(default=func.now())
