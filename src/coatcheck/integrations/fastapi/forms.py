"""Forms as FastAPI's dependencies: bound to a class, checked for where they come from, and once.

::

    forms = Forms(SECRET_KEY)
    Registration = Annotated[Bound[Register], form_of(Register)]

    @app.post("/register", dependencies=[Depends(forms.once)])
    async def register(form: Registration): ...
"""

from typing import Any

from fastapi import Depends
from starlette.datastructures import ImmutableMultiDict, UploadFile
from starlette.requests import Request

from coatcheck.forms.typed.bound import Bound
from coatcheck.forms.typed.form import Form


def form_of(form: type[Form]) -> Any:
    """A dependency that gives *form* as the visitor sent it, bound: its data, or all its errors.

    Never a 422 of FastAPI's own: an endpoint looks at ``valid`` and shows the form again.
    """

    async def bound(request: Request) -> Bound[Any]:
        sent = (await request.form()).multi_items()
        fields = [(name, value) for name, value in sent if isinstance(value, str)]
        files = [(name, value) for name, value in sent if isinstance(value, UploadFile)]
        return form.bind(ImmutableMultiDict(fields), ImmutableMultiDict(files))

    return Depends(bound)
