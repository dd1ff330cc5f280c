"""A file of any framework as our ``Upload``: one type for a form to ask for."""

from typing import Any

from coatcheck.forms.uploads import Upload, safe_filename


def as_upload(value: Any) -> Upload | None:
    """*value*, a file as Werkzeug, Django or Starlette give it; None where no file was chosen."""
    if isinstance(value, Upload):
        return value
    # Django calls the file's name "name", and to Werkzeug that is the field's.
    raw = value.filename if hasattr(value, "filename") else getattr(value, "name", "")
    raw = raw or ""
    file = getattr(value, "file", None) or getattr(value, "stream", None)
    if file is None or not hasattr(file, "read"):
        return None
    file.seek(0, 2)
    size = file.tell()
    file.seek(0)
    if not raw and not size:
        return None
    claimed = str(getattr(value, "content_type", None) or "").partition(";")[0].strip().lower()
    return Upload(safe_filename(raw), claimed or "application/octet-stream", size, file, raw)
