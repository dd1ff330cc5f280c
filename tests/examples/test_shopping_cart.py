"""The shopping cart, played in both styles."""


def test_a_new_visitor_has_an_empty_cart(visitor):
    words = visitor.get()
    assert "Nothing in it yet." in words
    assert "Ordered" not in words
    assert "Place the order" not in visitor.buttons


def test_pieces_are_put_in_and_taken_out_and_the_sum_is_right(visitor):
    visitor.get()
    assert "Wool scarf is in your cart." in visitor.press("Add Wool scarf")
    visitor.press("One Wool scarf more")
    assert "3 pieces € 116.00" in visitor.press("Add Felt hat")
    assert "2 pieces € 82.00" in visitor.press("One Wool scarf less")
    visitor.press("One Wool scarf less")
    assert "Nothing in it yet." in visitor.press("One Felt hat less")


def test_an_order_empties_the_cart_and_is_listed(visitor):
    visitor.get()
    visitor.press("Add Rain boots")
    words = visitor.press("Place the order")
    assert "Thank you for your order!" in words
    assert "Nothing in it yet." in words
    assert "Ordered 1 piece € 56.00" in words
    assert "Thank you" not in visitor.get()


def test_a_cart_does_not_grow_for_ever(visitor):
    visitor.get()
    for _ in range(21):
        words = visitor.press("Add Pair of mittens")
    assert "Your cart is full." in words
    assert "20 pieces" in words


def test_what_the_shop_does_not_sell_is_refused(visitor):
    visitor.get()
    form = visitor.forms[0]
    assert "no such thing" in visitor.send(form.action, {**form.fields, "product": "elephant"})
    assert visitor.status == 404
    assert "Nothing in it yet." in visitor.get()


def test_a_cart_belongs_to_one_browser(visitor, another):
    visitor.get()
    visitor.press("Add Felt hat")
    assert "Nothing in it yet." in another.get()
