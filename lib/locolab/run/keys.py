"""The key of a notebook run: everything that may change its outcome, in 16 hex digits."""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import grimp

from locolab import provenance
from locolab.config import canonical_json
from locolab.files import data_dir, sha256
from locolab.run.notebooks import Notebook

PACKAGE = "locolab"


def key(notebook: Notebook, parameters: Mapping[str, Any], rows: Any = None, inputs: Any = None) -> str:
    """Return the hash of what decides a notebook's outcome.

    That is: its code (comments and layout aside), the injected parameters, the code of every locolab module
    it uses, directly or not, the `rows` of the ledger it settles, the data it names, the pinned packages, the
    versions of the libraries, and `inputs` (the outcomes of the notebooks it needs).
    """
    parts = {
        "code": [normalised(source) for source in notebook.code],
        "defaults": dict(notebook.parameters),
        "parameters": dict(parameters),
        "modules": code_of(modules_used(notebook.code)),
        "data": {path.name: sha256(path) for path in data_files(notebook.code)},
        "pins": sha256(data_dir() / "requirements.txt"),
        "versions": provenance.versions(),
        "rows": rows,
        "inputs": inputs,
    }
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:16]


def normalised(source: str) -> str:
    """Return a cell's code without comments and layout; a cell with notebook magics stays as it is.

    >>> normalised("x = 1  # one") == normalised("x=1")
    True
    """
    try:
        return ast.dump(ast.parse(source))
    except SyntaxError:
        return source


def modules_used(sources: Iterable[str]) -> list[str]:
    """Return the locolab modules that some code imports, and those they import in turn, sorted.

    >>> modules_used(["from locolab import config", "x = 1"])
    ['locolab', 'locolab.config']
    """
    graph = _graph()
    used: set[str] = set()
    for name in {module for source in sources for module in imported(source)}:
        parents = [name.rsplit(".", depth)[0] for depth in range(name.count(".") + 1)]
        for module in set(parents) & graph.modules:
            used |= {module} | graph.find_upstream_modules(module)
    packages = {module.rsplit(".", depth)[0] for module in used for depth in range(module.count(".") + 1)}
    return sorted(used | packages)


def imported(source: str) -> Iterator[str]:
    """Yield the dotted names below locolab that some code imports; a name may turn out to be no module."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:
        return
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _ours(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module and _ours(node.module):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def code_of(modules: Iterable[str]) -> str:
    """Return the hash of some modules' code, and of the files that are not Python beside them (styles)."""
    rooms = [_room(name) for name in modules]
    folders = {(provenance.PACKAGE / room).parent for room in rooms}
    others = sorted(path for folder in folders for path in folder.glob("*.mplstyle"))
    return canonical_json([provenance.code_hash(rooms), [sha256(path) for path in others]])


def data_files(sources: Iterable[str]) -> list[Path]:
    """Return the tracked data that some code names: ``run.recorded("local_steps")``, ``run.term(...)``."""
    found = set()
    for source in sources:
        try:
            calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
        except SyntaxError:
            continue
        for call in calls:
            method = getattr(call.func, "attr", "")
            if method == "recorded" and (name := _literal(call)):
                found |= set((data_dir() / "recorded").glob(f"{name}.*"))
            if method == "term":
                found.add(data_dir() / "terms.yaml")
    return sorted(found)


def _literal(call: ast.Call) -> str:
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def _ours(name: str) -> bool:
    return name.split(".")[0] == PACKAGE


def _room(module: str) -> str:
    path = "/".join(module.split(".")[1:])
    is_package = not path or (provenance.PACKAGE / path).is_dir()
    return f"{path}/__init__".lstrip("/") if is_package else path


@functools.cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(PACKAGE, cache_dir=None)
