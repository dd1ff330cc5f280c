"""The visit counter, played in both styles."""


def test_it_counts_one_browser_and_starts_anew_for_another(visitor, another):
    assert "You have visited this page 1 times." in visitor.get()
    assert "You have visited this page 2 times." in visitor.get()
    assert visitor.get("/visit_counter/") == "You have visited this page 3 times."
    assert "You have visited this page 1 times." in another.get()
    assert "You have visited this page 4 times." in visitor.get()
