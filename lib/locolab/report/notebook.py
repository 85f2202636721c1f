"""What a notebook imports: ``run = start(globals())``, and then every result goes through `Run`."""

from __future__ import annotations

import difflib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from locolab import __version__, provenance
from locolab.files import ROOT, results_dir
from locolab.report import recorded as recordings
from locolab.report import saving, scale, session, show, style, terms, wording
from locolab.report.claims import Measured, judge, load_ledger
from locolab.report.outcomes import Checked, read_outcomes
from locolab.report.statistics import Interval

if TYPE_CHECKING:
    from locolab.train import Arm, RunResult, TrainSpec


def start(namespace: Mapping[str, Any]) -> Run:
    """Return the `Run` of the notebook whose ``globals()`` are given.

    The process is offline, seeded and single-threaded afterwards, figures have the house style, and one block
    says which notebook, profile, device, seed and versions these are and where the results go. Needs the
    parameters ``notebook``, ``profile`` and ``seed``; raises ConfigError where one is missing.
    """
    parameters = session.parameters(namespace)
    threads = int(parameters.get("threads", 1))
    session.go_offline()
    session.seed_everything(parameters["seed"], threads)
    style.use()
    run = Run(parameters)
    versions = {**provenance.versions(), "locolab": __version__}
    print(
        f"{run.notebook}, profile {run.profile}, seed {parameters['seed']}\n"
        f"device   {session.device(threads)}\n"
        f"versions {', '.join(f'{name} {version}' for name, version in versions.items())}\n"
        f"results  {_shown(run.dir)}"
    )
    return run


class Run:
    """One execution of a notebook: its parameters, its folder, and everything it shows, judges and saves."""

    def __init__(self, parameters: dict[str, Any]):
        self.parameters = parameters
        self.notebook: str = parameters["notebook"]
        self.profile: str = parameters["profile"]
        self.smoke = self.profile == "smoke"
        self.dir = results_dir(self.profile) / self.notebook
        self._checked: dict[str, Checked] = {}
        self._figures: dict[str, bool] = {}
        self._trained: dict[str, str] = {}
        self._began = time.perf_counter()

    def scale_card(self, preset: str | None = None, **quantities: Any) -> None:
        """Display how large this run is beside Covenant-72B; see `scale.scale_table` for the quantities."""
        table = scale.scale_table(preset, **quantities)
        show.table(table, f"Scale of this run (profile {self.profile}) and of Covenant-72B")

    def train(self, specs: Mapping[str, TrainSpec | Arm], jobs: int | None = None) -> dict[str, RunResult]:
        """Return the finished training of every run by label; what is cached is not trained again.

        `jobs` processes work side by side (default: the parameter ``jobs``, else 1); results do not depend on
        how many.
        """
        from locolab.train import run_many

        self._trained.update({label: spec.hash() for label, spec in specs.items()})
        return run_many(dict(specs), jobs=jobs or int(self.parameters.get("jobs", 1)))

    def check(
        self, claim_id: str, value: Any = None, interval: Interval | None = None, **measured: Any
    ) -> Checked:
        """Return the judged outcome of a claim, after writing it to the results and displaying one line.

        What was measured is `value`, an `interval` of the statistics module, or the fields of
        `claims.Measured` (low, high, n, comparison, readings, note, recorded). Raises KeyError for an unknown
        claim, ValueError for one that belongs to another notebook or a measurement its rule cannot judge.
        """
        claim = self._claim(claim_id)
        if interval is not None:
            measured.update(low=interval.low, high=interval.high, n=interval.n)
            value = interval.mean if value is None else value
        found = judge(claim, Measured(value=saving.plain(value), **measured), self.profile)
        checked = Checked(**vars(found), notebook=self.notebook)
        checked.write()
        self._checked[claim_id] = checked
        show.markdown(wording.verdict_line(checked))
        return checked

    def outcome(self, claim_id: str) -> Checked:
        """Return the outcome of a claim: this notebook's, else what another notebook's run wrote.

        Raises KeyError where neither has checked it.
        """
        if claim_id not in self._checked:
            others = read_outcomes(self.profile)
            if claim_id not in others:
                raise KeyError(
                    f"{claim_id} is not checked yet: call run.check({claim_id!r}, ...) above, or run the "
                    f"notebook that does; checked here: {', '.join(self._checked) or 'nothing'}"
                )
            return others[claim_id]
        return self._checked[claim_id]

    def say(self, claim_id: str, template: wording.Template, **extras: Any) -> None:
        """Display a sentence filled from the outcome of a claim; `wording.sentence` says how to write one."""
        show.markdown(wording.sentence(self.outcome(claim_id), template, **extras))

    def title(self, claim_id: str, template: wording.Template, *, neutral: str, **extras: Any) -> str:
        """Return a figure's title filled from the outcome of a claim, `neutral` where nothing was settled."""
        return wording.headline(self.outcome(claim_id), template, neutral, **extras)

    def figure(self, figure: Figure, alt: str, data: pd.DataFrame, *, name: str, key: bool = False) -> None:
        """Display a figure as PNG and save it as SVG, PNG, CSV and alt text in the folder ``figures``.

        `name` is the id of its cell, ``fig-...``; `alt` says what it is, its axes and the finding in numbers;
        `data` are the plotted values. `key` puts it into RESULTS.md: the chapter's signature figure. Raises
        ValueError for a bad name, an empty alt text or no data.
        """
        width = figure.get_figwidth()
        png = saving.save_figure(figure, self.dir / "figures", name, alt, data)
        self._figures[name] = key
        show.picture(png, alt, width)

    def recorded(self, name: str) -> recordings.Recorded:
        """Return a recorded experiment after displaying where it comes from; raises MissingRecording."""
        found = recordings.load(name)
        show.markdown(f"*{found.label}*")
        return found

    def table(self, data: pd.DataFrame, caption: str = "", digits: int = 4, fold: bool = False) -> None:
        """Display a table with a caption, numbers at `digits` significant digits; see `show.table`."""
        show.table(data, caption, digits, fold)

    def source(self, item: Any, docstring: bool = False) -> None:
        """Display the library's source of a function or class, without its docstring unless asked for."""
        show.source(item, docstring)

    def term(self, *names: str) -> None:
        """Display the definitions of terms; raises KeyError for one that data/terms.yaml does not have."""
        found = [terms.define(name) for name in names]
        show.markdown("\n".join(f"- **{term.term}**: {term.definition}" for term in found))

    def finish(self) -> None:
        """Write run.json, drop what an earlier version of the notebook left, and display the footer."""
        for folder, kept in (("claims", self._checked), ("figures", self._figures)):
            for path in (self.dir / folder).glob("*.*"):
                if path.stem not in kept:
                    path.unlink()
        self._write_record()
        plt.close("all")
        seconds = time.perf_counter() - self._began
        counts = f"claims checked: {len(self._checked)}, figures: {len(self._figures)}"
        show.markdown(f"---\n\n*{self.notebook}, profile {self.profile}: {counts}, {seconds:.0f} s.*")

    def _write_record(self) -> None:
        stamp = provenance.stamp(f"python -m locolab run --profile {self.profile} --only {self.notebook[:2]}")
        record = {
            "notebook": self.notebook,
            "profile": self.profile,
            "parameters": self.parameters,
            "provenance": stamp,
            "claims": sorted(self._checked),
            "figures": list(self._figures),
            "key_figures": [name for name, key in self._figures.items() if key],
            "trained": self._trained,
        }
        saving.write_json(self.dir / "run.json", record)

    def _claim(self, claim_id: str) -> Any:
        ledger = load_ledger()
        if claim_id not in ledger:
            near = difflib.get_close_matches(claim_id, list(ledger), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise KeyError(f"data/claims.yaml has no claim {claim_id!r}{hint}")
        claim = ledger[claim_id]
        if claim.notebook != self.notebook:
            raise ValueError(
                f"{claim_id} belongs to notebook {claim.notebook}, not to {self.notebook}: check it there "
                "and read it here with run.outcome(), or change its row in data/claims.yaml"
            )
        return claim


def _shown(path: Path) -> str:
    """Return a path without the folders above the checkout, which a shared notebook should not show."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else Path("...", *path.parts[-2:]))
