"""What a run says while it goes."""

import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from locolab.run import progress, state
from locolab.run.progress import NotebookReporter
from locolab.run.state import State


def task(name, expected=60.0):
    meta = {"notebook": name, "profile": "fast", "expected": expected}
    return SimpleNamespace(name=f"fast:{name}", meta=meta, task_dep=[])


@pytest.fixture
def reporter(results):
    tasks = {each.name: each for each in (task("02_steps"), task("03_memory", 120.0))}
    tasks["fast"] = SimpleNamespace(name="fast", meta=None, task_dep=list(tasks))
    made = NotebookReporter(io.StringIO(), {})
    made.initialize(tasks, ["fast"])
    return made


def test_a_line_has_count_time_memory_and_an_estimate(reporter):
    state.save("fast", "02_steps", State("ok", seconds=72.0, peak_bytes=3 * 2**28))
    reporter.execute_task(task("02_steps"))
    reporter.add_success(task("02_steps"))
    reporter.skip_uptodate(task("03_memory"))
    first, second, third = reporter.stream.getvalue().splitlines()
    assert first == "2 notebooks, about 3 min 00 s if all of them have to run"
    assert second.startswith("[ 1/2] 02_steps ")
    assert "1 min 12 s   peak  768 MiB" in second
    assert second.endswith("about 2 min 00 s left")
    assert third.split() == ["[", "2/2]", "03_memory", "up", "to", "date"]


def test_an_error_of_the_runner_is_one_line(reporter):
    fail = SimpleNamespace(traceback=["Traceback\n", "OSError: no space\n"], message="PythonAction Error")
    reporter.add_failure(SimpleNamespace(name="fast:results"), fail)
    assert reporter.stream.getvalue().splitlines()[-1] == "fast:results: OSError: no space"


def test_a_failure_is_one_readable_block():
    error = {"cell": "setup", "name": "KeyError", "text": "one\ntwo", "where": "at line 3 x[1]"}
    assert progress.failure_block("03_memory", error, Path("absent")).splitlines() == [
        "    03_memory failed in cell [setup]",
        "      KeyError: one",
        "      two",
        "      at line 3 x[1]",
    ]
