"""Rules, tables of routes, and the way back from a name to a path."""

import uuid
from types import ModuleType

import pytest

from coatcheck.core.errors import ConfigurationError
from coatcheck.web.errors import NoReverseMatch
from coatcheck.web.routing import (
    Found,
    Include,
    NotFound,
    Route,
    Routes,
    Rule,
    WrongMethod,
    include,
    path,
)


def view(*args: object, **kwargs: object) -> str:
    return ""


def other(*args: object, **kwargs: object) -> str:
    return ""


@pytest.mark.parametrize(
    ("rule", "address", "values"),
    [
        ("users/", "/users/", {}),
        ("/users", "/users", {}),
        ("", "/", {}),
        ("<name>/", "/a b/", {"name": "a b"}),
        ("<str:name>/", "/ä/", {"name": "ä"}),
        ("<int:id>/", "/007/", {"id": 7}),
        ("<slug:title>/", "/a-b_c/", {"title": "a-b_c"}),
        ("files/<path:file>", "/files/a/b.txt", {"file": "a/b.txt"}),
        ("<float:size>", "/1.5", {"size": 1.5}),
        (
            "<uuid:id>",
            "/123e4567-e89b-12d3-a456-426614174000",
            {"id": uuid.UUID("123e4567-e89b-12d3-a456-426614174000")},
        ),
        ("<int:year>/<int:month>/", "/2026/11/", {"year": 2026, "month": 11}),
    ],
)
def test_a_rule_gives_the_values_of_its_places(rule, address, values):
    assert Rule.parse(rule).match(address) == values


@pytest.mark.parametrize(
    ("rule", "address"),
    [
        ("users/", "/users"),
        ("users", "/users/"),
        ("users", "/users\n"),
        ("<int:id>/", "/-1/"),
        ("<int:id>/", "/abc/"),
        ("<int:id>/", "/٣/"),  # a digit, but not one of ASCII's
        ("<name>/", "//"),
        ("<name>/", "/a/b/"),
        ("<slug:title>/", "/a b/"),
        ("files/<path:file>", "/files/"),
        ("a.b", "/axb"),
    ],
)
def test_a_rule_does_not_fit_another_address(rule, address):
    assert Rule.parse(rule).match(address) is None


def test_a_number_too_long_for_python_fits_no_int():
    assert Rule.parse("<int:id>").match("/" + "9" * 5000) is None


@pytest.mark.parametrize(
    ("rule", "hint"),
    [
        ("<number:id>", "float, int, path, slug, str, uuid"),
        ("<int:id>/<int:id>", "twice"),
        ("<int:user id>", "no view could take"),
        ("users/<int:id", "without its >"),
        ("^users/$", "regular expression"),
        ("users/{id}", "<id>"),
        ("users/{id:int}", "<int:id>"),
    ],
)
def test_a_mistake_in_a_rule_is_explained_when_it_is_read(rule, hint):
    with pytest.raises(ConfigurationError) as raised:
        Rule.parse(rule)
    assert rule in str(raised.value)
    assert hint in str(raised.value)


def test_the_first_entry_that_fits_answers():
    routes = Routes([path("a/", view), path("<name>/", other)])
    found = routes.resolve("GET", "/a/")
    assert isinstance(found, Found)
    assert found.endpoint.route.view is view


def test_entries_of_one_rule_share_it_by_method():
    routes = Routes(
        [
            Route("x", view, methods=frozenset({"GET"})),
            Route("x", other, methods=frozenset({"POST"})),
        ]
    )
    got, posted = routes.resolve("GET", "/x"), routes.resolve("POST", "/x")
    assert isinstance(got, Found)
    assert isinstance(posted, Found)
    assert (got.endpoint.route.view, posted.endpoint.route.view) == (view, other)


def test_a_method_nobody_takes_names_those_that_are_taken():
    routes = Routes([Route("x", view, methods=frozenset({"GET"}))])
    found = routes.resolve("POST", "/x")
    assert isinstance(found, WrongMethod)
    assert found.allowed == ("GET", "HEAD", "OPTIONS")


def test_head_is_taken_where_get_is():
    routes = Routes([Route("x", view, methods=frozenset({"GET"}))])
    assert isinstance(routes.resolve("HEAD", "/x"), Found)


def test_a_path_style_entry_takes_every_method():
    assert isinstance(Routes([path("x/", view)]).resolve("DELETE", "/x/"), Found)


def test_a_path_style_entry_takes_only_the_methods_it_names():
    routes = Routes([path("cart/add/", view, methods=["post"])])
    assert isinstance(routes.resolve("POST", "/cart/add/"), Found)
    assert routes.resolve("GET", "/cart/add/") == WrongMethod(
        ("OPTIONS", "POST"), (routes.endpoints[0],)
    )


@pytest.mark.parametrize("view_or_entries", [view, include([path("x", view)]), [path("x", view)]])
def test_methods_that_would_say_nothing_are_refused(view_or_entries):
    methods = "POST" if view_or_entries is view else ["POST"]
    with pytest.raises(ConfigurationError, match="methods="):
        path("cart/", view_or_entries, methods=methods)


def test_a_missing_last_slash_is_noticed():
    found = Routes([path("x/", view, name="x")]).resolve("POST", "/x")
    assert isinstance(found, NotFound)
    assert found.with_slash is not None
    assert found.with_slash.name == "x"


def test_no_slash_is_offered_for_what_is_nowhere():
    assert Routes([path("x/", view)]).resolve("GET", "/y") == NotFound()


def test_kwargs_of_an_entry_are_passed_on_and_the_path_wins():
    found = Routes([path("<kind>/", view, {"kind": "a", "size": 1})]).resolve("GET", "/b/")
    assert isinstance(found, Found)
    assert found.values == {"kind": "b", "size": 1}


def shop_module(**names: object) -> ModuleType:
    module = ModuleType("shop_urls")
    vars(module).update(names)
    return module


def test_an_included_module_brings_prefix_and_namespace():
    shop = shop_module(app_name="shop", urlpatterns=[path("<int:id>/", view, name="item")])
    routes = Routes([path("shop/", include(shop))])
    assert isinstance(routes.resolve("GET", "/shop/7/"), Found)
    assert routes.reverse("shop:item", kwargs={"id": 7}) == "/shop/7/"


def test_namespaces_nest():
    inner = include(([path("x/", view, name="x")], "inner"))
    routes = Routes([path("a/", include(([path("b/", inner)], "outer")))])
    assert routes.reverse("outer:inner:x") == "/a/b/x/"


def test_a_slash_on_both_sides_of_an_include_is_one_slash():
    routes = Routes([path("shop/", include([Route("/cart", view)]))])
    assert isinstance(routes.resolve("GET", "/shop/cart"), Found)


def test_a_list_may_stand_in_place_of_a_view():
    routes = Routes([path("shop/", [path("cart/", view)])])
    assert isinstance(routes.resolve("GET", "/shop/cart/"), Found)


def test_an_include_keeps_its_namespace_in_path():
    entry = path("shop/", include(([path("", view, name="home")], "shop")))
    assert isinstance(entry, Include)
    assert (entry.prefix, entry.namespace) == ("shop/", "shop")


def test_a_module_without_urlpatterns_is_explained():
    with pytest.raises(ConfigurationError, match="no list named urlpatterns"):
        include(shop_module())


def test_an_entry_that_is_no_path_is_named_with_its_number():
    with pytest.raises(ConfigurationError, match="Entry 2 of urlpatterns"):
        include([path("a/", view), view])  # type: ignore[list-item]


@pytest.mark.parametrize("wrong", ["views.index", None, 7])
def test_a_view_that_is_none_is_refused(wrong):
    with pytest.raises(ConfigurationError, match="names no view"):
        path("x/", wrong)


def test_reverse_quotes_what_a_path_cannot_hold():
    routes = Routes([path("<name>/", view, name="x")])
    assert routes.reverse("x", ["ä b?#"]) == "/%C3%A4%20b%3F%23/"


def test_reverse_never_makes_the_address_of_another_site():
    routes = Routes([path("<path:rest>", view, name="x")])
    assert routes.reverse("x", ["/evil.example/"]) == "/%2Fevil.example/"


@pytest.mark.parametrize("values", [{"id": "seven"}, {"id": -1}, {}, {"id": 1, "more": 2}])
def test_reverse_refuses_values_that_do_not_fit(values):
    routes = Routes([path("<int:id>/", view, name="item")])
    with pytest.raises(NoReverseMatch, match="/<int:id>/"):
        routes.reverse("item", kwargs=values)


def test_reverse_picks_the_entry_of_that_name_whose_places_fit():
    routes = Routes([path("all/", view, name="list"), path("<int:page>/", view, name="list")])
    assert routes.reverse("list") == "/all/"
    assert routes.reverse("list", kwargs={"page": 2}) == "/2/"


def test_an_unknown_name_brings_names_like_it():
    routes = Routes([path("a/", view, name="thankyou"), path("b/", view, name="shop:cart")])
    with pytest.raises(NoReverseMatch, match="Names like it: thankyou"):
        routes.reverse("thank_you")
    with pytest.raises(NoReverseMatch, match="shop:cart"):
        routes.reverse("cart")


def test_build_leaves_the_values_without_a_place():
    routes = Routes([path("<int:id>/", view, name="item")])
    assert routes.build("item", {"id": 1, "page": 2}) == ("/1/", {"page": 2})
