"""Checkers of the emission vectors."""
