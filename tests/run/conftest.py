"""Tiny notebooks in a folder of the test's own, and results that go nowhere else."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from locolab.report.ledger import Check, Claim, Ledger

HEAD = """notebook: str = {name!r}  # this file's stem
profile: str = "fast"  # smoke, fast or full
seed: int = 0  # seed
rounds: int = 2  # rounds"""

# Stands in for what a notebook leaves, without importing torch: one file in its folder, one line in a log.
WRITE = """import json, os, pathlib
folder = pathlib.Path(os.environ["LOCOLAB_RESULTS"]) / profile / notebook
folder.mkdir(parents=True, exist_ok=True)
(folder / "data.json").write_text(json.dumps({"rounds": rounds, "seed": seed}))
with open(os.environ["LOCOLAB_RESULTS"] + "/executed.txt", "a") as log:
    print(notebook, file=log)
print(notebook, rounds)"""

Make = Callable[..., Path]

OPINION = Claim(
    id="ours.opinion",
    section="ours",
    places=("readme",),
    statement="a row that no notebook settles",
    kind="opinion",
    check=Check("none", reason="opinion"),
)


@pytest.fixture
def ledger() -> Ledger:
    """Return a ledger of one row that no notebook settles."""
    return Ledger([OPINION], {})


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that LOCOLAB_RESULTS points at during the test."""
    folder = tmp_path / "results"
    folder.mkdir()
    monkeypatch.setenv("LOCOLAB_RESULTS", str(folder))
    monkeypatch.delenv("LOCOLAB_CACHE", raising=False)
    return folder


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a function that writes a tiny notebook and returns its path."""
    folder = tmp_path / "notebooks"
    folder.mkdir()

    def write(name: str, *cells: str, needs: tuple[str, ...] = (), **described: Any) -> Path:
        content = nbformat.v4.new_notebook()
        content.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        content.metadata["locolab"] = {"needs": list(needs), **described}
        content.cells = [
            nbformat.v4.new_markdown_cell(f"# {name}", id="title"),
            nbformat.v4.new_code_cell(
                HEAD.format(name=name), id="parameters", metadata={"tags": ["parameters"]}
            ),
            *[nbformat.v4.new_code_cell(text, id=f"cell-{i}") for i, text in enumerate(cells or (WRITE,))],
        ]
        path = folder / f"{name}.ipynb"
        nbformat.write(content, path)
        return path

    return write


@pytest.fixture
def executed(results: Path) -> Callable[[], list[str]]:
    """Return a function that lists the notebooks executed since it was last called."""

    def read() -> list[str]:
        log = results / "executed.txt"
        names = log.read_text().split() if log.exists() else []
        log.unlink(missing_ok=True)
        return names

    return read


@pytest.fixture
def until() -> Callable[..., None]:
    """Return a function that returns once a condition holds, and fails after some seconds."""

    def wait(condition: Callable[[], bool], seconds: float = 90.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.05)

    return wait


@pytest.fixture
def gone(until: Callable[..., None]) -> Callable[[str], None]:
    """Return a function that waits for the end of the processes whose ids a text lists."""

    def alive(pid: int) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        return False

    return lambda text: until(lambda: not any(alive(int(word)) for word in text.split()))
