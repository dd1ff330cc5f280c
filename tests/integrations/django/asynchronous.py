"""Run a coroutine as Django's own tests do: what needs the database goes to this thread."""

from collections.abc import Coroutine
from typing import Any, TypeVar

from asgiref.sync import async_to_sync

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of *coroutine*."""

    async def awaited() -> T:
        return await coroutine

    result: T = async_to_sync(awaited)()
    return result
