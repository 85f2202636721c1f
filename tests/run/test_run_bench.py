"""`bench`: what it prints and writes; never how fast anything was."""

import json

import pytest

from locolab.config import ConfigError
from locolab.run.bench import registry
from locolab.run.bench.command import bench
from locolab.run.bench.timing import Result, interleaved

ENTRIES = {
    "small": lambda: Result([{"case": "a", "time_ms": 1.25}, {"case": "b", "ratio": 2}], {"threads": 1}),
    "other": lambda: Result([{"case": "c", "time_ms": None}]),
}


def test_every_part_is_printed_and_written_with_its_provenance(tmp_path, capsys):
    path = tmp_path / "out" / "bench.json"
    assert bench([], path, ENTRIES) == 0
    written = json.loads(path.read_text())
    assert list(written["parts"]) == ["small", "other"]
    assert written["parts"]["small"]["rows"][0] == {"case": "a", "time_ms": 1.25}
    assert written["parts"]["small"]["facts"] == {"threads": 1}
    assert written["provenance"]["command"] == "python -m locolab bench small other"
    assert written["provenance"]["device"]
    printed = capsys.readouterr().out
    assert "time_ms" in printed
    assert "1.25" in printed
    assert "threads: 1" in printed


def test_only_the_named_parts_run_and_a_wrong_name_stops_before_any(capsys):
    assert bench(["other"], entries=ENTRIES) == 0
    assert "small" not in capsys.readouterr().out
    with pytest.raises(ConfigError, match="no part 'smal'; did you mean 'small'"):
        bench(["other", "smal"], entries=ENTRIES)
    assert capsys.readouterr().out == ""


def test_a_case_that_settles_runs_once_unmeasured_before_every_measured_call():
    seen = []
    timings = interleaved({"a": lambda: seen.append("a"), "b": dict}, repeats=2, settle=True)
    assert len(seen) == 5
    assert len(timings["a"].seconds) == 2


def test_the_cases_take_turns():
    seen = []
    timings = interleaved({"a": lambda: seen.append("a"), "b": lambda: seen.append("b")}, repeats=2)
    assert seen == ["a", "b"] * 3  # once to warm up, twice measured
    assert [len(timing.seconds) for timing in timings.values()] == [2, 2]
    assert timings["a"].median > 0
    assert timings["a"].spread >= 1
    with pytest.raises(ValueError, match="repeats should be at least 1"):
        interleaved({}, repeats=0)


@pytest.mark.parametrize("name", registry.MODULES)
def test_every_registered_part_can_be_imported(name):
    assert callable(registry.entry(name))
