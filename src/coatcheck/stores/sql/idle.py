"""Whether a server has hung up on an idle connection, found out without sending anything."""

import select

if hasattr(select, "poll"):

    def has_news(file: int) -> bool:
        """Whether something has come on the socket: while nobody asks, only its end can."""
        poll = select.poll()
        poll.register(file, select.POLLIN)
        return bool(poll.poll(0))

else:  # Windows

    def has_news(file: int) -> bool:
        """Whether something has come on the socket: while nobody asks, only its end can."""
        return bool(select.select([file], [], [], 0)[0])
