"""Errors that are the user's to mend: printed as one line, without a traceback."""

from __future__ import annotations


class SetupError(RuntimeError):
    """The machine or the environment lacks something that a run needs; the message says what to do."""
