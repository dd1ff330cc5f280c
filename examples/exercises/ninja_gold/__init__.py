"""Ninja Gold: four buildings, a purse, and a log of what happened."""
