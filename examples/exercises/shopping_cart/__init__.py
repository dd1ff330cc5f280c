"""Shopping cart: a list in the session, and an order that is placed once."""
