"""Preferences: a choice that every page remembers."""
