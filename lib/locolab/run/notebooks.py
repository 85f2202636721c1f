"""The source notebooks: where they are, what they need, and which parameters they declare."""

from __future__ import annotations

import ast
import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from locolab.files import ROOT

FOLDER = ROOT / "notebooks"
KERNEL = "python3"
LAST = ("13", "00")
"""Numbers of the notebooks that read the outcomes of all before them, in the order in which they run last."""


class NotebookError(ValueError):
    """A notebook, or a name given for one, is not what the runner can work with; the message says why."""


@dataclasses.dataclass(frozen=True)
class Notebook:
    """One source notebook as the runner sees it.

    `parameters` are the literals of its parameters cell, `code` the other code cells' sources in order,
    `minutes` (expected) and `timeout` (seconds) are given per profile by its metadata.
    """

    path: Path
    parameters: Mapping[str, Any]
    code: tuple[str, ...]
    needs: tuple[str, ...] = ()
    minutes: Mapping[str, float] = dataclasses.field(default_factory=dict)
    timeout: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the file's stem, such as ``03_sparsify_and_remember``."""
        return self.path.stem

    @property
    def number(self) -> str:
        """Return the two digits the name begins with."""
        return self.name[:2]

    def seconds_expected(self, profile: str) -> float:
        """Return how long a run takes by the author's estimate, in seconds (60 where none is given)."""
        return 60.0 * float(self.minutes.get(profile, 1.0))

    def seconds_allowed(self, profile: str) -> float:
        """Return the wall time after which a run is stopped, in seconds.

        The author's limit; where none is given, four times the estimate, at least ten minutes.
        """
        return float(self.timeout.get(profile, max(600.0, 4 * self.seconds_expected(profile))))


def discover(folder: Path = FOLDER) -> dict[str, Notebook]:
    """Return the notebooks ``NN_*.ipynb`` of a folder by name, in the order of their numbers, then `LAST`.

    Raises NotebookError for a file that is not a notebook, and for a `needs` that names none.
    """
    found = [read(path) for path in sorted(Path(folder).glob("[0-9][0-9]_*.ipynb"))]
    if not found:
        raise NotebookError(f"no notebooks NN_*.ipynb in {folder}")
    found.sort(key=lambda notebook: (_turn(notebook), notebook.name))
    names = [notebook.name for notebook in found]
    return {notebook.name: _resolve_needs(notebook, names) for notebook in found}


def select(notebooks: Mapping[str, Notebook], only: Iterable[str]) -> list[str]:
    """Return the names meant by numbers or names, in the order of `notebooks`; all for an empty `only`.

    Raises NotebookError for a word that is neither, with the nearest name.
    """
    words = list(only)
    wanted = {_named(word, notebooks) for word in words}
    return [name for name in notebooks if not words or name in wanted]


def with_needs(notebooks: Mapping[str, Notebook], names: Iterable[str]) -> list[str]:
    """Return `names` and whatever they need, directly or not, in the order of `notebooks`."""
    wanted: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting.extend(notebooks[name].needs)
    return [name for name in notebooks if name in wanted]


def read(path: Path) -> Notebook:
    """Return the notebook of a file; its `needs` are still as written.

    Raises NotebookError, naming the file, when it is no notebook or its parameters are not literals.
    """
    import nbformat  # takes seconds, and the command line's help should not

    try:
        content = nbformat.read(path, as_version=4)
        described = content.metadata.get("locolab", {})
        cells = [cell for cell in content.cells if cell.cell_type == "code"]
        marked = [cell for cell in cells if is_parameters(cell)]
        return Notebook(
            path=Path(path),
            parameters=literals("\n".join(cell.source for cell in marked)),
            code=tuple(cell.source for cell in cells if not is_parameters(cell)),
            needs=tuple(described.get("needs", ())),
            minutes=described.get("minutes", {}),
            timeout=described.get("timeout", {}),
        )
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, AttributeError, ValueError) as error:
        raise NotebookError(f"{path}: {error}") from error


def is_parameters(cell: Any) -> bool:
    """Return whether a cell is the one papermill injects parameters after."""
    return "parameters" in cell.metadata.get("tags", [])


def literals(source: str) -> dict[str, Any]:
    """Return the names and values that a parameters cell assigns.

    >>> literals("n_peers: int = 4  # peers" + chr(10) + "seed = 0")
    {'n_peers': 4, 'seed': 0}

    Raises NotebookError for anything but an assignment of a literal to one name.
    """
    values = {}
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        target, value = targets[0], getattr(node, "value", None)
        try:
            if len(targets) != 1 or not isinstance(target, ast.Name) or value is None:
                raise ValueError
            values[target.id] = ast.literal_eval(value)
        except ValueError:
            line = ast.unparse(node)
            raise NotebookError(f"the parameters cell has a line that sets no literal: {line}") from None
    return values


def closest(word: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown word: the nearest known one, or all of them."""
    names = list(known)
    near = difflib.get_close_matches(word, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"


def _named(word: str, names: Iterable[str]) -> str:
    names = list(names)
    matching = [name for name in names if name == word or name[:2] == word.zfill(2)]
    if not matching:
        raise NotebookError(f"no notebook {word!r}; {closest(word, names)}")
    return matching[0]


def _turn(notebook: Notebook) -> int:
    """Return 0, or for one of `LAST` its place among them."""
    return LAST.index(notebook.number) + 1 if notebook.number in LAST else 0


def _resolve_needs(notebook: Notebook, names: list[str]) -> Notebook:
    if notebook.number in LAST:
        return dataclasses.replace(notebook, needs=tuple(names[: names.index(notebook.name)]))
    try:
        needs = [_named(word, names) for word in notebook.needs]
    except NotebookError as error:
        raise NotebookError(f"{notebook.path}: metadata.locolab.needs: {error}") from None
    return dataclasses.replace(notebook, needs=tuple(needs))
