"""`start` and `Run`: what they refuse, what they write, and that words follow the outcome."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from locolab.config import ConfigError
from locolab.report import session, show
from locolab.report.notebook import start
from locolab.report.statistics import compare, mean_interval
from locolab.report.vocabulary import SMOKE
from locolab.report.wording import TemplateError
from locolab.train import TrainSpec

PARAMETERS = {"notebook": "90_tiny", "profile": "fast", "seed": 7}
ALT = "Line of loss against round, x from 1 to 3, y in nats; it falls from 3 to 1."


@pytest.fixture
def shown(monkeypatch):
    """Collect what cells display as markdown."""
    texts = []
    monkeypatch.setattr(show, "markdown", texts.append)
    return texts


@pytest.fixture
def run(shown):
    return start(PARAMETERS)


def draw():
    figure, axes = plt.subplots()
    axes.plot([1, 2, 3], [3, 2, 1], marker="o")
    axes.set_xlabel("round")
    return figure, pd.DataFrame({"round": [1, 2, 3], "loss": [3.0, 2.0, 1 / 3]})


def test_parameters_are_the_annotated_literals():
    annotated = dict.fromkeys((*PARAMETERS, "lr", "seeds", "np"))
    namespace = {**PARAMETERS, "lr": 0.1, "seeds": [0, 1], "later": 3, "np": np, "_i1": "x"}
    namespace["__annotations__"] = annotated
    assert session.parameters(namespace) == {**PARAMETERS, "lr": 0.1, "seeds": [0, 1]}


def test_without_annotations_every_public_literal_counts():
    namespace = {**PARAMETERS, "lr": 0.1, "np": np, "_i1": "x", "array": np.zeros(1)}
    assert session.parameters(namespace) == {**PARAMETERS, "lr": 0.1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": "x"}, "seed: int"),
        ({"profile": None}, "profile: str"),
        ({"notebook": "../up"}, "names a folder"),
    ],
)
def test_bad_parameters_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        start({**PARAMETERS, **change})


def test_start_seeds_and_says_where_it_is(capsys):
    start(PARAMETERS)
    first = np.random.rand(), torch.rand(1).item()
    start(PARAMETERS)
    assert first == (np.random.rand(), torch.rand(1).item())
    assert torch.get_num_threads() == 1
    printed = capsys.readouterr().out
    for part in ("90_tiny", "profile fast", "seed 7", "cpu", "torch 2.", "90_tiny"):
        assert part in printed
    assert str(Path.home()) not in printed


def test_libraries_loaded_before_start_go_offline_too():
    code = """
        import huggingface_hub, datasets, transformers
        from locolab.report.notebook import start
        start({"notebook": "90_tiny", "profile": "smoke", "seed": 0})
        from huggingface_hub import constants
        from transformers.utils.hub import is_offline_mode
        import datasets.config
        print(constants.is_offline_mode(), is_offline_mode(), datasets.config.HF_HUB_OFFLINE)
    """
    clean = {k: v for k, v in os.environ.items() if k not in session.SWITCHES}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, env=clean, check=True
    )
    assert done.stdout.splitlines()[-1] == "True True True"


def test_check_judges_writes_and_shows(run, shown, results):
    found = run.check("ours.ratio", np.float32(146.25))
    assert found.verdict == "reproduced"
    written = json.loads((results / "fast/90_tiny/claims/ours.ratio.json").read_text())
    assert written["value"] == 146.25
    assert written["verdict"] == "reproduced"
    assert written["notebook"] == "90_tiny"
    assert shown[-1].startswith("■ **reproduced** `ours.ratio`")


def test_check_takes_an_interval(run):
    found = run.check("ours.ratio", interval=mean_interval([146.0, 147.0, 148.0]))
    assert (found.value, found.n) == (147.0, 3)
    assert found.verdict == "inconclusive"  # 144.5 to 149.5 covers 145.5


def test_check_refuses_unknown_and_foreign_claims(run):
    with pytest.raises(KeyError, match=r"did you mean 'ours\.ratio'"):
        run.check("ours.ratoi", 1)
    with pytest.raises(ValueError, match="belongs to notebook 91_other"):
        run.check("ours.elsewhere", 1)


def test_words_come_from_the_comparison(run, shown):
    template = {"beats": "It beats by {value:.2f} {unit}.", "trails": "It trails.", "matches": "It matches."}
    ours, base = [2.0, 2.1, 2.2], [2.5, 2.6, 2.75]
    run.check("ours.loss", comparison=compare(ours, base, 0.1))
    run.say("ours.loss", template)
    assert shown[-1] == "It beats by -0.52 nats/token."
    run.check("ours.loss", comparison=compare(base, ours, 0.1))
    run.say("ours.loss", "Ours {word} (n = {n}, margin {margin}, over {rounds}).", rounds=53)
    assert shown[-1] == "Ours trails (n = 3, margin 0.1, over 53)."
    assert run.title("ours.loss", template, neutral="loss against bytes") == "It trails."


def test_inconclusive_has_its_own_wording(run, shown):
    run.check("ours.loss", comparison=compare([2.0, 2.5, 3.0], [2.4, 2.3, 3.2], 0.1))
    run.say("ours.loss", "Ours {word} by {value:.2f}.")
    assert shown[-1].startswith("Inconclusive: we measured -0.1333 nats/token (95 % interval")
    assert "leaves both sides of the rule open" in shown[-1]
    assert run.title("ours.loss", "Ours {word}", neutral="Loss") == "Loss: inconclusive (n = 3)"
    run.say("ours.loss", {"beats": "It beats.", "inconclusive": "Open after {n} seeds."})
    assert shown[-1] == "Open after 3 seeds."


def test_smoke_says_only_shape(shown):
    run = start({**PARAMETERS, "profile": "smoke"})
    assert run.smoke
    run.check("ours.loss", comparison=compare([1.0, 1.1], [2.0, 2.2], 0.1))
    run.check("ours.ratio", 146.3)
    run.say("ours.loss", "Ours {word} by {value:.9f}.")
    assert shown[-1] == SMOKE == "smoke run: shape only"
    run.say("ours.ratio", "{value} x")
    assert shown[-1] == SMOKE
    assert run.title("ours.loss", "Ours {word}", neutral="loss against bytes") == "loss against bytes"
    assert run.outcome("ours.loss").verdict == "-"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("Ours beats it by {value}.", "says 'beats' whatever comes out"),
        ("{vlaue}", "asks for 'vlaue'; known: value, low"),
        ("{margin:.2f}", "empty here: low, high, n, expected, margin"),
        ("{value:", "cannot be filled"),
        ({"holds-small": "yes"}, "ended in reproduced; its template has texts only for holds-small"),
    ],
)
def test_template_errors_say_what_to_do(run, template, message):
    run.check("ours.ratio", 146.3)
    with pytest.raises(TemplateError, match=message):
        run.say("ours.ratio", template)


def test_bytes_format_in_templates(run, shown):
    run.check("ours.ratio", 146.3)
    run.say("ours.ratio", "{payload:bytes} a round", payload=3 * 2**20)
    assert shown[-1] == "3 MiB a round"


def test_say_before_check_is_refused_but_other_notebooks_count(run, shown):
    with pytest.raises(KeyError, match="is not checked yet"):
        run.say("ours.ratio", "{value}")
    run.check("ours.ratio", 146.3)
    later = start({**PARAMETERS, "notebook": "91_other"})
    later.say("ours.ratio", "{value:.1f}")
    assert shown[-1] == "146.3"


def test_figure_files_are_the_same_bytes_each_time(run, results):
    folder = results / "fast/90_tiny/figures"
    found = []
    for _ in range(2):
        figure, data = draw()
        run.figure(figure, ALT, data, name="fig-loss")
        found.append({p.name: p.read_bytes() for p in sorted(folder.iterdir())})
    assert found[0] == found[1]
    assert set(found[0]) == {"fig-loss.svg", "fig-loss.png", "fig-loss.csv", "fig-loss.txt"}
    assert b"<dc:date>" not in found[0]["fig-loss.svg"]
    assert found[0]["fig-loss.csv"] == b"round,loss\n1,3\n2,2\n3,0.3333333333\n"
    assert not plt.get_fignums()


def test_figure_refusals(run):
    figure, data = draw()
    for arguments, message in (
        ({"alt": ALT, "data": data, "name": "loss"}, "fig-lower-case"),
        ({"alt": "a plot", "data": data, "name": "fig-loss"}, "alt text"),
        ({"alt": ALT, "data": data.head(0), "name": "fig-loss"}, "no plotted values"),
    ):
        with pytest.raises(ValueError, match=message):
            run.figure(figure, **arguments)


def test_train_passes_jobs_and_notes_what_was_trained(shown, results, monkeypatch):
    asked = {}

    def run_many(specs, jobs):
        asked.update(specs=list(specs), jobs=jobs)
        return specs

    monkeypatch.setattr("locolab.train.run_many", run_many)
    run = start({**PARAMETERS, "jobs": 2})
    spec = TrainSpec(rounds=1)
    assert run.train({"averaging seed 0": spec}) == {"averaging seed 0": spec}
    assert asked == {"specs": ["averaging seed 0"], "jobs": 2}
    run.finish()
    record = json.loads((results / "fast/90_tiny/run.json").read_text())
    assert record["trained"] == {"averaging seed 0": spec.hash()}


def test_key_figures_are_noted(run, results):
    for name, key in (("fig-first", False), ("fig-second", True)):
        figure, data = draw()
        run.figure(figure, ALT, data, name=name, key=key)
    run.finish()
    record = json.loads((results / "fast/90_tiny/run.json").read_text())
    assert record["figures"] == ["fig-first", "fig-second"]
    assert record["key_figures"] == ["fig-second"]


def test_finish_drops_what_an_earlier_version_left(run, results):
    stale = results / "fast/90_tiny/claims/ours.gone.json"
    run.check("ours.ratio", 146.3)
    stale.write_text("{}")
    run.finish()
    assert not stale.exists()
    record = json.loads((results / "fast/90_tiny/run.json").read_text())
    assert record["parameters"] == PARAMETERS
    assert record["claims"] == ["ours.ratio"]
    assert "seconds" not in json.dumps(record)


def test_source_is_shown_without_its_docstring(run, shown):
    run.source(mean_interval)
    assert "lib/locolab/report/statistics.py" in shown[-1]
    assert "def mean_interval" in shown[-1]
    assert ">>>" not in shown[-1]
    assert "_t_interval(x, level)" in shown[-1]
