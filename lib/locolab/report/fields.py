"""Fields of a hand-written YAML entry, read with messages that name entry, field and what it may be."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

_REQUIRED: Any = object()


class LedgerError(ValueError):
    """An entry of claims.yaml or terms.yaml does not follow the schema."""


class Fields:
    """One entry's fields; every reader raises LedgerError naming `where` and the field.

    >>> Fields("claim a.b", {"knid": "opinion"}, ("id", "kind"))
    Traceback (most recent call last):
    locolab.report.fields.LedgerError: claim a.b: unknown field 'knid'; did you mean 'kind'?
    """

    def __init__(self, where: str, raw: Any, known: Collection[str]):
        self.where, self.raw = where, raw
        if not isinstance(raw, Mapping):
            raise self.error(f"expected a mapping of fields, got {type(raw).__name__} {raw!r}")
        for name in raw:
            if name not in known:
                close = difflib.get_close_matches(str(name), known, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
                raise self.error(f"unknown field {name!r}; {hint}")

    def error(self, message: str) -> LedgerError:
        """Return the error that says `message` about this entry."""
        return LedgerError(f"{self.where}: {message}")

    def get(self, name: str, kinds: type | tuple[type, ...], default: Any = _REQUIRED) -> Any:
        """Return a field of one of some types, or the default where it is absent."""
        value = self.raw.get(name)
        if value is None:
            if default is _REQUIRED:
                raise self.error(f"field {name!r} is missing")
            return default
        allowed = kinds if isinstance(kinds, tuple) else (kinds,)
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            names = " or ".join(kind.__name__ for kind in allowed)
            raise self.error(f"field {name!r} should be {names}, got {type(value).__name__} {value!r}")
        return value

    def text(self, name: str, default: Any = _REQUIRED) -> Any:
        """Return a field's text, stripped; an empty text counts only where there is a default."""
        value = self.get(name, str, default)
        if default is _REQUIRED and not value.strip():
            raise self.error(f"field {name!r} is empty")
        return value.strip() if isinstance(value, str) else value

    def word(self, name: str, allowed: Iterable[str], default: Any = _REQUIRED) -> Any:
        """Return a field that is one of the allowed words."""
        value = self.get(name, str, default)
        if value is not default and value not in (words := sorted(allowed)):
            raise self.error(f"field {name!r} is {value!r}; allowed: {', '.join(words)}")
        return value

    def texts(self, name: str, default: Any = ()) -> tuple[str, ...]:
        """Return a field that is a list of texts, as a tuple."""
        values = self.get(name, list, default)
        for value in values:
            if not isinstance(value, str):
                raise self.error(f"field {name!r} should list texts, got {type(value).__name__} {value!r}")
        return tuple(values)
