"""Checkers of the yuma vectors."""
