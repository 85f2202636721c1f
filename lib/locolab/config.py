"""Configurations: frozen, checked at construction, and named by a hash of their content."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Self


class ConfigError(ValueError):
    """A parameter has an unknown name, a wrong type or a value out of its range."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Base of every configuration: a frozen dataclass that refuses unknown names and other types.

    A subclass with a `__post_init__` of its own calls this one first.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Link(Config):
    ...     up_mbps: float = 110.0
    >>> Link.from_parameters({"up_mbps": 50})
    Link(up_mbps=50.0)
    >>> Link.from_parameters({"up_mbs": 50})
    Traceback (most recent call last):
    locolab.config.ConfigError: Link has no parameter 'up_mbs'; did you mean 'up_mbps'?
    """

    def __post_init__(self) -> None:
        """Refuse types other than the defaults'; where a float is meant, 1 and 1.0 are one configuration."""
        for field in dataclasses.fields(self):
            value = _coerce(type(self).__name__, field, getattr(self, field.name))
            object.__setattr__(self, field.name, value)

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        """Return the configuration that `parameters` describe.

        Raises ConfigError for an unknown name or a value of another type than the default's.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for name in parameters:
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
                raise ConfigError(f"{cls.__name__} has no parameter {name!r}; {hint}")
        return cls(**parameters)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON-able values, nested configurations included.

        A field declared with `added` is left out at its default.
        """
        return {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self) if self._says(f)}

    def hash(self) -> str:
        """Return 16 hex digits that name this configuration: its class and what `to_dict` says of it."""
        text = canonical_json({"class": type(self).__name__, "fields": self.to_dict()})
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed; unknown names raise ConfigError."""
        return type(self).from_parameters(
            {**{f.name: getattr(self, f.name) for f in dataclasses.fields(self)}, **changes}
        )

    def _says(self, field: dataclasses.Field[Any]) -> bool:
        return not (field.metadata.get("added") and getattr(self, field.name) == field.default)


def added(default: Any) -> Any:
    """Return a field that joins a configuration later: at its default it renames nothing that has a name.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Link(Config):
    ...     up_mbps: float = 110.0
    ...     relay: str = added("")
    >>> Link().to_dict(), Link(relay="east").to_dict()
    ({'up_mbps': 110.0}, {'up_mbps': 110.0, 'relay': 'east'})
    """
    return dataclasses.field(default=default, metadata={"added": True})


def canonical_json(value: Any) -> str:
    """Return the one JSON text of `value`: sorted keys, no spaces, no NaN.

    >>> canonical_json({"b": 1, "a": [1.0, None]})
    '{"a":[1.0,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Config):
        return value.to_dict()
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _coerce(owner: str, field: dataclasses.Field[Any], value: Any) -> Any:
    """Return `value` in the type of the field's default; only int -> float and list -> tuple change it."""
    if field.default is dataclasses.MISSING or field.default is None:
        return value
    kind = type(field.default)
    if kind is float and type(value) is int:
        return float(value)
    if kind is tuple and isinstance(value, list):
        return tuple(value)
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise ConfigError(
            f"{owner}.{field.name} should be {kind.__name__} (like {field.default!r}), "
            f"got {type(value).__name__} {value!r}"
        )
    return value
