"""The DAG of notebooks as doit tasks: one task per notebook and profile, then one that writes the results."""

from __future__ import annotations

import dataclasses
import functools
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from doit.cmd_base import ModuleTaskLoader
from doit.doit_cmd import DoitMain

from locolab.files import cache_dir, states_dir
from locolab.report.ledger import Ledger, load_ledger
from locolab.run import execute, keys, preflight, profiles, state
from locolab.run.gates import rows_of
from locolab.run.notebooks import FOLDER, LAST, Notebook, discover, select, with_needs
from locolab.run.progress import NotebookReporter
from locolab.run.results import collect, write_results


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to run: the notebooks of a folder, the chosen `names` in order, and what is injected into each."""

    profile: str
    notebooks: Mapping[str, Notebook]
    names: Sequence[str]
    parameters: Mapping[str, Mapping[str, Any]]
    ledger: Ledger
    timeout_scale: float = 1.0
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def key(self, name: str) -> str:
        """Return the key of a notebook now; it depends on the outputs of the notebooks it needs."""
        notebook = self.notebooks[name]
        inputs = {need: _outcome(self.profile, need) for need in notebook.needs}
        rows = rows_of(self.ledger, None if notebook.number in LAST else name)
        return keys.key(notebook, self.parameters[name], rows=rows, inputs=inputs)


def make_plan(
    profile: str,
    only: Sequence[str] = (),
    folder: Path = FOLDER,
    timeout_scale: float = 1.0,
    ledger: Ledger | None = None,
) -> Plan:
    """Return the plan of a profile: every notebook of a folder, or those `only` names with what they need.

    Raises ConfigError or NotebookError for an unknown notebook, profile or parameter, LedgerError for a
    ledger that does not follow its schema.
    """
    folder = Path(folder).resolve()
    notebooks = discover(folder)
    names = with_needs(notebooks, select(notebooks, only))
    file = folder / profiles.FILE
    overrides = profiles.load(file)[profile]
    profiles.check_names(overrides, notebooks, file)
    parameters = {
        name: profiles.parameters(notebooks[name], profile, overrides.get(name, {})) for name in names
    }
    return Plan(
        profile, notebooks, names, parameters, load_ledger() if ledger is None else ledger, timeout_scale
    )


def tasks(plan: Plan, problems: list[Exception] | None = None) -> Iterator[dict[str, Any]]:
    """Yield a plan's doit tasks. A failing notebook does not stop the rest; the task ``results`` fails then.

    Exceptions of the runner itself are kept in `problems`, since doit keeps only their text.
    """
    problems = [] if problems is None else problems
    for name in plan.names:
        notebook = plan.notebooks[name]
        known = state.load(plan.profile, name)
        expected = (
            known.seconds if known and known.status == "ok" else notebook.seconds_expected(plan.profile)
        )
        yield {
            "name": name,
            "doc": f"execute {name} at profile {plan.profile}",
            "actions": [_keeping(problems, functools.partial(run_notebook, plan, name))],
            "uptodate": [functools.partial(is_current, plan, name)],
            "task_dep": [f"{plan.profile}:{need}" for need in notebook.needs],
            "io": {"capture": False},
            "meta": {"notebook": name, "profile": plan.profile, "expected": expected},
        }
    yield {
        "name": "results",
        "doc": "write summary.json, junit.xml and RESULTS.md",
        "actions": [_keeping(problems, functools.partial(_finish, plan))],
        "task_dep": [f"{plan.profile}:{name}" for name in plan.names],
        "io": {"capture": False},
    }


def run_checked(plan: Plan, only: Sequence[str] = (), jobs: int = 1, fresh: bool = False) -> int:
    """Return the exit code of a run (see `results.Run`) that holds the profile's lock.

    With `fresh` the chosen notebooks execute again and no cached training is read. Raises SetupError and its
    like if the run cannot start.
    """
    preflight.check([plan.notebooks[name] for name in plan.names], plan.profile)
    with preflight.only_runner(plan.profile):
        if not fresh:
            return run(plan, jobs)
        code = run(begin_fresh(plan, select(plan.notebooks, only)), jobs)
        end_fresh(plan)
        return code


def run(plan: Plan, jobs: int = 1) -> int:
    """Return the exit code of a plan after running it, `jobs` notebooks at once.

    Ctrl-C kills the running notebooks and raises KeyboardInterrupt; what was complete stays. An error of the
    runner itself, such as DiskFullError, is raised after the other notebooks have run.
    """
    problems: list[Exception] = []
    config: dict[str, Any] = {
        "dep_file": str(states_dir(plan.profile) / "doit.db"),
        "reporter": NotebookReporter(sys.stdout, {}, jobs),
        "continue": True,
        "num_process": jobs,
        "par_type": "thread",
        "verbosity": 2,
    }
    namespace = {"DOIT_CONFIG": config, f"task_{plan.profile}": lambda: tasks(plan, problems)}
    Path(config["dep_file"]).parent.mkdir(parents=True, exist_ok=True)
    try:
        DoitMain(ModuleTaskLoader(namespace), config_filenames=()).run(["run"])
    except KeyboardInterrupt:
        execute.stop_all()
        raise
    if problems:
        raise problems[0]
    return collect(plan.profile, plan.names, plan.ledger).exit_code


def run_notebook(plan: Plan, name: str) -> None:
    """Execute one notebook and keep its state; a failure is a state, not an exception."""
    notebook, profile = plan.notebooks[name], plan.profile
    failed = [need for need in notebook.needs if _outcome(profile, need)[0] != "ok"]
    if failed and notebook.number not in LAST:
        error = {
            "cell": "",
            "name": "Blocked",
            "text": f"needs {', '.join(failed)}, which failed",
            "where": "",
        }
        state.save(profile, name, state.State("blocked", error=error))
        return
    key = plan.key(name)
    state.clear(profile, name)
    limit = notebook.seconds_allowed(profile) * plan.timeout_scale
    done = execute.execute(notebook, profile, plan.parameters[name], limit, plan.environment)
    status = "failed" if done.error else "ok"
    outputs = state.fingerprint(profile, name)
    state.save(profile, name, state.State(status, key, outputs, done.error, done.seconds, done.peak_bytes))


def is_current(plan: Plan, name: str) -> bool:
    """Return whether a notebook has nothing to do: same key, and its outputs as its last run left them."""
    return state.is_current(plan.profile, name, plan.key(name))


def begin_fresh(plan: Plan, chosen: Sequence[str]) -> Plan:
    """Return the plan with an empty cache of its own, and `chosen` notebooks counting as never run."""
    cache = _fresh_cache(plan.profile)
    shutil.rmtree(cache, ignore_errors=True)
    for name in chosen:
        state.forget(plan.profile, name)
    return dataclasses.replace(plan, environment={**plan.environment, "LOCOLAB_CACHE": str(cache)})


def end_fresh(plan: Plan) -> None:
    """Let the training runs of a fresh run replace the cached ones of the same name, and drop its cache."""
    fresh, old = _fresh_cache(plan.profile) / "runs", cache_dir() / "runs"
    for directory in sorted(path for path in fresh.glob("*") if path.is_dir()):
        target = old / directory.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        directory.rename(target)
    shutil.rmtree(_fresh_cache(plan.profile), ignore_errors=True)


def _fresh_cache(profile: str) -> Path:
    return cache_dir() / f"fresh-{profile}"


def _finish(plan: Plan) -> bool:
    return write_results(plan.profile, plan.notebooks, plan.names, plan.ledger) == 0


def _keeping(problems: list[Exception], function: Callable[[], bool | None]) -> Callable[[], bool | None]:
    def action() -> bool | None:
        try:
            return function()
        except Exception as error:
            problems.append(error)
            raise

    return action


def _outcome(profile: str, name: str) -> list[str]:
    known = state.load(profile, name)
    return [known.status, known.outputs] if known else ["not-run", ""]
