"""Disappearing Ninjas: a colour in the address says which turtle is shown."""
