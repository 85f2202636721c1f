"""The command line as its users meet it: help, errors of one line, exit codes, a real run."""

import json
import runpy
import signal
import subprocess
import sys

import pytest
from doit.cmd_base import ModuleTaskLoader
from doit.doit_cmd import DoitMain

from locolab.files import ROOT
from locolab.run import cli

HANG = """import os, pathlib, subprocess, sys, time
log = pathlib.Path(os.environ["LOCOLAB_RESULTS"]) / "hung.txt"
if not log.exists() or len(log.read_text().split()) < 4:
    worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with log.open("a") as file:
        print(os.getpid(), worker.pid, file=file)
    time.sleep(600)"""
"""Hangs with a worker of its own, twice; then it has nothing to do."""


def command(*words):
    return [sys.executable, "-m", "locolab", *map(str, words)]


@pytest.mark.parametrize("words", [[], ["run"], ["claims"], ["record"], ["publish"], ["data"]])
def test_every_command_has_help(words, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, "--help"])
    assert ended.value.code == 0
    assert "usage: locolab" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "--profile", "smok"], "invalid choice: 'smok'"),
        (["run", "--jobs", "0"], "should be positive"),
        (["run", "--timeout-scale", "nan"], "should be positive"),
        (["bench2"], "invalid choice"),
        ([], "required"),
    ],
)
def test_wrong_usage_ends_with_3(words, message, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 3
    assert message in capsys.readouterr().err


def test_users_errors_are_one_line_without_a_traceback(make, results, capsys):
    folder = make("03_memory").parent
    (folder / "profiles.yaml").write_text("smoke: {03_memory: {round: 1}}")
    for words, message in [
        (["run", "--only", "3x"], "no notebook '3x'; known: 03_memory"),
        (["run", "--profile", "smoke"], "has no parameter 'round' (profile smoke); did you mean 'rounds'?"),
    ]:
        assert cli.main([*words, "--notebooks", str(folder)]) == 3
        err = capsys.readouterr().err
        assert message in err
        assert err.startswith("locolab: ")
        assert err.count("\n") == 1


def test_record_wants_a_name_and_a_limit(capsys):
    assert cli.main(["record", "local_steps"]) == 3
    assert cli.main(["record", "local_step", "--max-minutes", "1"]) == 3
    err = capsys.readouterr().err
    assert "needs NAME and --max-minutes" in err
    assert "no experiment 'local_step'; did you mean 'local_steps'?" in err


def test_claims_lists_the_ledger_and_says_what_was_not_run(make, results, capsys):
    folder = make("03_memory").parent
    assert cli.main(["claims", "--notebooks", str(folder)]) == 1
    out = capsys.readouterr().out
    assert "not run, or failed: 03_memory" in out
    assert "not-testable" in out


@pytest.fixture
def stopped(results, until, gone):
    """Return a function: the exit code of a run that gets a signal when its notebook hangs once more."""

    def go(folder, sign, times):
        log = results / "hung.txt"
        runner = subprocess.Popen(
            command("run", "--notebooks", folder),
            stderr=subprocess.PIPE,
            text=True,
            # tests started in the background inherit that Ctrl-C is ignored
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        until(lambda: log.exists() and len(log.read_text().split()) == 2 * times)
        runner.send_signal(sign)
        said = runner.communicate(timeout=60)[1]
        gone(log.read_text())
        return runner.returncode, said

    return go


def test_a_stopped_run_goes_on_and_gives_the_same_bytes(make, results, executed, stopped, capsys):
    make("02_steps")
    folder = make("03_memory", HANG, needs=("02",)).parent
    code, _ = stopped(folder, signal.SIGKILL, 1)
    assert code == -signal.SIGKILL
    assert executed() == ["02_steps"]
    code, said = stopped(folder, signal.SIGINT, 2)
    assert code == 130
    assert said == "\nstopped; what was complete is kept, the next run goes on from there\n"

    assert cli.main(["run", "--notebooks", str(folder)]) == 0
    assert executed() == [], "what was complete before the kill did not run again"
    assert "[ 1/2] 02_steps                         up to date" in capsys.readouterr().out
    resumed = outcome(results)
    assert cli.main(["run", "--notebooks", str(folder), "--fresh", "--jobs", "2"]) == 0
    assert executed() == ["02_steps"]
    assert outcome(results) == resumed


def outcome(results):
    """Return everything a run left, apart from clocks."""
    summary = json.loads((results / "fast/summary.json").read_text())
    del summary["timings"]
    paths = sorted(path for path in (results / "fast").rglob("*") if path.is_file())
    kept = [path for path in paths if ".state" not in path.parts and path.suffix not in (".xml", ".md")]
    files = {path.name: path.read_bytes() for path in kept if path.name != "summary.json"}
    return summary, files


def test_plain_doit_knows_the_same_tasks(results, capsys):
    tasks = runpy.run_path(str(ROOT / "dodo.py"))
    assert DoitMain(ModuleTaskLoader(tasks), config_filenames=()).run(["list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["fast", "full", "smoke"]
