"""What the notebooks of a profile left when they finished: who ran them, their key figures, their times."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from locolab.files import results_dir, states_dir
from locolab.report.vocabulary import SMOKE

Runs = Mapping[str, dict[str, Any]]


def runs(profile: str) -> dict[str, dict[str, Any]]:
    """Return the run.json of each notebook that finished, by its name."""
    paths = sorted(results_dir(profile).glob("*/run.json"))
    return {path.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def stamp(profile: str, done: Runs) -> str:
    """Return who made a page: profile, device, date, versions, commit and the hash of the code cells."""
    what = "An independent reproduction, not affiliated; written by `python -m locolab run`."
    lines = [f"Profile `{profile}`. {what}"]
    if profile == "smoke":
        lines.append(f"**{SMOKE}**: no number below is a result.")
    if done:
        last = max((run["provenance"] for run in done.values()), key=lambda made: str(made["date"]))
        versions = ", ".join(f"{name} {version}" for name, version in last["versions"].items())
        lines.append(f"Run on {last['date']} on {last['device']}, commit {last['commit']}; {versions}.")
        lines.append(f"Code cells: `{cells_hash(profile, done)}`.")
    return "  \n".join(lines)


def key_figures(profile: str, done: Runs, where: str) -> list[str]:
    """Return markdown with each notebook's key figures and alt texts; its first figure where none is marked.

    `where` is the link to a figure, with the fields notebook and name.
    """
    pictures = []
    for notebook, run in done.items():
        for name in run["key_figures"] or run["figures"][:1]:
            path = results_dir(profile) / notebook / "figures" / f"{name}.txt"
            alt = " ".join(path.read_text(encoding="utf-8").split())
            link = where.format(notebook=notebook, name=name)
            pictures.append(f"### {notebook.replace('_', ' ')}\n\n![{alt}]({link})\n\n{alt}")
    return pictures


def seconds(profile: str) -> dict[str, float]:
    """Return the seconds that each notebook's last run took, without those that the runner never ran."""
    return {name: state["seconds"] for name, state in _states(profile).items() if state["seconds"]}


def failed(profile: str) -> set[str]:
    """Return the notebooks whose last run ended in an error."""
    return {name for name, state in _states(profile).items() if state["status"] == "failed"}


def cells_hash(profile: str, done: Runs) -> str:
    """Return 16 hex digits that name the code cells of the executed notebooks, injected parameters aside."""
    digest = hashlib.sha256()
    for notebook in done:
        path = results_dir(profile) / f"{notebook}.ipynb"
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"] if path.exists() else []
        for cell in cells:
            if cell["cell_type"] == "code" and "injected-parameters" not in cell["metadata"].get("tags", []):
                digest.update("".join(cell["source"]).encode() + b"\0")
    return digest.hexdigest()[:16]


def _states(profile: str) -> dict[str, dict[str, Any]]:
    paths = sorted(states_dir(profile).glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}
