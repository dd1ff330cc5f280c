"""Look a whole site over before it serves: what stops it, and what somebody should know."""

import sys
from typing import TYPE_CHECKING

from coatcheck.web.settings import deploy_problems

if TYPE_CHECKING:
    from coatcheck.web.app import App


def look_over(app: "App", *, deploy: bool = False) -> list[str]:
    """What should be mended, one sentence each; with *deploy* also what no public site should have.

    Raises whatever would keep the site from answering its first request.
    """
    settings = app.settings
    # Each of these is put together from what the site wrote, and raises where that cannot work.
    for part in ("installed", "routes", "templates", "sessions"):
        getattr(app, part)
    found = [
        f"TEMPLATES names {folder}, and there is no such folder."
        for folder in settings.templates
        if not folder.is_dir() and folder != settings.base_dir / "templates"
    ]
    found += [
        f"STATIC_DIRS names {folder}, and there is no such folder."
        for folder in settings.static_dirs
        if not folder.is_dir() and folder != settings.base_dir / "static"
    ]
    if settings.root_urlconf is not None and "coatcheck.web.database" in sys.modules:
        from coatcheck.web.migrations.models import homeless_models

        found += [
            f"{model} belongs to no installed app, so no table is made for it. Add its package to "
            "INSTALLED_APPS."
            for model in homeless_models(app.installed)
        ]
    return found + (deploy_problems(settings) if deploy else [])


def summary(found: list[str]) -> str:
    """What was found, as people know it from Django."""
    count = "no issues" if not found else "1 issue" if len(found) == 1 else f"{len(found)} issues"
    lines = [f"? {problem}" for problem in found] + ([""] if found else [])
    return "\n".join([*lines, f"System check identified {count} (0 silenced)."])
