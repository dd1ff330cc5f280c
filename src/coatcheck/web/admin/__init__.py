"""The admin pages, for users who are staff: ``path("admin/", admin.site.urls)``."""

from functools import cached_property

from coatcheck.web.routing import Include, path


class AdminSite:
    """The pages that ``urls`` mounts, under the namespace "admin"."""

    @cached_property
    def urls(self) -> Include:
        """For ``path``: the start page, login and logout."""
        from coatcheck.web.admin import views

        return Include(
            "",
            (
                path("", views.index, name="index", session="read"),
                path("login/", views.login_page, name="login"),
                path("logout/", views.logout_page, name="logout", methods=["POST"]),
            ),
            "admin",
        )


site = AdminSite()
"""The site's admin pages."""
