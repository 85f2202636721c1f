"""Recorded experiments, run within a time limit and saved with what made them."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Mapping

import psutil
from rich.table import Table

from locolab import provenance, train
from locolab.config import ConfigError
from locolab.corpus import pretrained
from locolab.report import recorded
from locolab.run import preflight
from locolab.run.experiments import EXPERIMENTS, Experiment
from locolab.run.experiments.experiment import Prepare
from locolab.run.notebooks import closest
from locolab.run.progress import duration
from locolab.run.table import console

DONE, TIME_IS_UP = 0, 4


def record(
    name: str, max_minutes: float, jobs: int = 1, registry: Mapping[str, Experiment] = EXPERIMENTS
) -> int:
    """Return 0 after recording an experiment, 4 if the time was up first; then the same call goes on.

    The trainings, and what the experiment prepares from them, run in a process of their own. At the limit it
    is stopped wherever it is: every run is checkpointed, so little is done twice. Raises ConfigError for an
    unknown name, MissingPackage without data.
    """
    if name not in registry:
        raise ConfigError(f"no experiment {name!r}; {closest(name, registry)}")
    experiment = registry[name]
    specs = experiment.specs()
    if any(spec.corpus.folder is None for spec in specs.values()):
        preflight.check_packages()
    if experiment.pretrained:
        pretrained.known(experiment.pretrained).path()
    if not _done(specs, experiment.prepare, 60 * max_minutes, jobs):
        left = [label for label, spec in specs.items() if not train.is_cached(spec)]
        runs = (
            f"{len(left)} of {len(specs)} runs are left ({left[0]} is next)" if left else "the runs are done"
        )
        print(f"time is up: {runs}; run the same command again to go on")
        return TIME_IS_UP
    results = train.run_many(specs, progress=False)
    seconds = sum(result.seconds for result in results.values())
    stamp = provenance.stamp(f"python -m locolab record {name} --max-minutes {max_minutes:g}")
    table = experiment.table(experiment, results)
    described = {"description": experiment.description, "seeds": list(experiment.seeds)}
    card = {**stamp, **described, **{str(key): value for key, value in table.attrs.items()}}
    table.attrs = {}
    saved = recorded.save(name, table, card)
    print(f"recorded {name}: {len(saved.frame)} rows of {len(specs)} runs ({duration(seconds)} of computing)")
    return DONE


def print_list(registry: Mapping[str, Experiment] = EXPERIMENTS) -> int:
    """Return 0 after printing what can be recorded, and when it was."""
    table = Table("experiment", "what", "runs", "minutes, 2 cores", "recorded")
    for name, experiment in registry.items():
        date = "-"
        with contextlib.suppress(recorded.MissingRecording):
            date = recorded.load(name).card["date"]
        runs = str(len(experiment.arms) * len(experiment.seeds))
        table.add_row(name, experiment.description, runs, str(experiment.minutes), date)
    console().print(table)
    return DONE


def _work(specs: Mapping[str, train.Arm], jobs: int, prepare: Prepare | None) -> None:
    results = train.run_many(specs, jobs)
    if prepare:
        prepare(results, jobs)


def _done(specs: Mapping[str, train.Arm], prepare: Prepare | None, seconds: float, jobs: int) -> bool:
    """Return whether every run was complete and prepared within some seconds; what was not is stopped.

    Raises RuntimeError if a training or what follows it failed; its traceback is on stderr.
    """
    context = multiprocessing.get_context("spawn")
    worker = context.Process(target=_work, args=(dict(specs), jobs, prepare))
    worker.start()
    try:
        worker.join(seconds)
    finally:
        ended = worker.exitcode
        if ended is None:
            _kill(worker.pid)
            worker.join()
    if ended:
        raise RuntimeError(f"the experiment's work ended with code {ended}; its error is above")
    return ended == 0


def _kill(pid: int | None) -> None:
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in [*process.children(recursive=True), process]:
            with contextlib.suppress(psutil.Error):
                each.kill()
