"""Profiles: which parameters of which notebook a profile overrides, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from locolab.config import ConfigError
from locolab.run.notebooks import Notebook, closest

PROFILES = ("smoke", "fast", "full")
FILE = "profiles.yaml"


def load(path: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the overrides of a profiles file: profile -> notebook -> parameter -> value.

    ``fast`` may override nothing: its values are the ones readers see in the notebooks. Raises ConfigError
    for an unknown profile, for a ``fast`` that is not empty, and for anything but nested mappings.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}") from error
    content = content or {}
    for profile in content:
        if profile not in PROFILES:
            raise ConfigError(f"{path} has no use for profile {profile!r}; {closest(str(profile), PROFILES)}")
    if content.get("fast"):
        raise ConfigError(f"{path}: 'fast' is what the notebooks themselves say; override nothing in it")
    return {profile: _notebooks(path, profile, content.get(profile) or {}) for profile in PROFILES}


def check_names(overrides: Mapping[str, Any], notebooks: Mapping[str, Notebook], path: Path) -> None:
    """Raise ConfigError if a notebook that the overrides name does not exist."""
    for name in overrides:
        if name not in notebooks:
            raise ConfigError(f"{path}: no notebook {name!r}; {closest(name, notebooks)}")


def parameters(notebook: Notebook, profile: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is injected into a notebook: its profile and the overrides, of declared names and types.

    Raises ConfigError for a name that the parameters cell does not declare, or a value of another type.
    """
    given = {**overrides, "profile": profile}
    for name, value in given.items():
        if name not in notebook.parameters:
            hint = closest(name, notebook.parameters)
            raise ConfigError(f"{notebook.name} has no parameter {name!r} (profile {profile}); {hint}")
        if not _fits(value, notebook.parameters[name]):
            raise ConfigError(
                f"{notebook.name}, profile {profile}: {name} should be like {notebook.parameters[name]!r}, "
                f"got {type(value).__name__} {value!r}"
            )
    return given


def _fits(value: Any, default: Any) -> bool:
    """Return whether a value has the default's type; an int may stand for a float, anything for None."""
    if default is None or (isinstance(default, float) and type(value) is int):
        return True
    if isinstance(default, list) and default and isinstance(value, list):
        return all(any(_fits(item, one) for one in default) for item in value)
    return type(value) is type(default)


def _notebooks(path: Path, profile: str, content: Any) -> dict[str, dict[str, Any]]:
    if not isinstance(content, dict) or not all(isinstance(one, dict) for one in content.values()):
        raise ConfigError(f"{path}: {profile} should map notebooks to 'parameter: value' lines")
    return content
