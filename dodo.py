"""The notebooks as doit tasks: ``doit list --all``, ``doit smoke``, ``doit -n 2 fast``.

``python -m locolab run`` runs the same tasks, checks first whether it can, and keeps two runs apart.
"""

from collections.abc import Iterator
from typing import Any

from locolab.files import results_dir
from locolab.run.pipeline import make_plan, tasks
from locolab.run.progress import NotebookReporter

results_dir().mkdir(parents=True, exist_ok=True)
DOIT_CONFIG = {
    "default_tasks": ["fast"],
    "reporter": NotebookReporter,
    "dep_file": str(results_dir() / ".doit.db"),
    "continue": True,
    "par_type": "thread",
    "verbosity": 2,
}


def task_smoke() -> Iterator[dict[str, Any]]:
    """every path of every notebook, in minutes"""
    yield from tasks(make_plan("smoke"))


def task_fast() -> Iterator[dict[str, Any]]:
    """the notebooks as they are"""
    yield from tasks(make_plan("fast"))


def task_full() -> Iterator[dict[str, Any]]:
    """the notebooks with larger and longer runs"""
    yield from tasks(make_plan("full"))
