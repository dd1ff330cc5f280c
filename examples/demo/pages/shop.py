"""What the shop sells, and what a cart comes to. A cart is a list of keys, one for each piece."""

from collections import Counter
from decimal import Decimal
from typing import NamedTuple

from coatcheck.web import abort

MOST_IN_A_CART = 20


class Product(NamedTuple):
    key: str
    name: str
    price: Decimal


PRODUCTS = {
    product.key: product
    for product in (
        Product("hanger", "Cedar hanger", Decimal("9.50")),
        Product("scarf", "Wool scarf", Decimal("34.00")),
        Product("hat", "Felt hat", Decimal("48.00")),
        Product("umbrella", "Tall umbrella", Decimal("27.90")),
        Product("mittens", "Pair of mittens", Decimal("19.00")),
        Product("boots", "Rain boots", Decimal("56.00")),
    )
}


class Line(NamedTuple):
    product: Product
    quantity: int

    @property
    def price(self):
        return self.product.price * self.quantity


def find(key):
    """The product with this key; a 404 page where there is none."""
    if key not in PRODUCTS:
        abort(404, "The shop has no such thing.")
    return PRODUCTS[key]


def bill(cart):
    """What the cart page shows: all products, the lines of the cart, and their sum."""
    lines = [
        Line(PRODUCTS[key], quantity)
        for key, quantity in Counter(cart).items()
        if key in PRODUCTS  # a cart may outlive what the shop sells
    ]
    return {
        "products": PRODUCTS.values(),
        "lines": lines,
        "pieces": sum(line.quantity for line in lines),
        "total": sum((line.price for line in lines), Decimal()),
    }
