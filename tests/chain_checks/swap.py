"""Checkers of the swap vectors."""
