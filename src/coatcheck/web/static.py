"""Files that are sent as they are, outside of sessions: a request for one asks no store."""

from collections.abc import Iterable
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from coatcheck.web.errors import HttpError


class Static:
    """Serve what lies under *url* from *folders*, first one first, and pass on everything else."""

    def __init__(self, app: ASGIApp, url: str, folders: Iterable[Path], *, debug: bool) -> None:
        self._app = app
        self._url = url
        self._folders = tuple(folders)
        self._debug = debug
        self._files = StaticFiles()
        self._files.all_directories = [*self._folders]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope["path"]).removeprefix(str(scope.get("root_path", "")).rstrip("/"))
        if not path.startswith(self._url):
            await self._app(scope, receive, send)
            return
        file = path.removeprefix(self._url)
        try:
            response = await self._files.get_response(file, scope)
        except HTTPException as error:
            # Starlette says 401 for a file the server may not read: to a visitor it is not there.
            status = 404 if error.status_code == 401 else error.status_code
            raise HttpError(status, self._message(file, status), error.headers) from None
        await response(scope, receive, send)

    def _message(self, file: str, status: int) -> str:
        if status != 404 or not self._debug:
            return ""
        where = "\n".join(f"  {folder}" for folder in self._folders) or "  (no static folder)"
        return f"No static file {file!r} was found in:\n{where}\nPut it into one of them."
