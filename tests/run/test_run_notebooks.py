"""Which notebooks there are, in which order, and what their parameters cells declare."""

from pathlib import Path

import pytest

from locolab.run import notebooks
from locolab.run.notebooks import NotebookError


def test_scorecard_and_overview_come_last_and_need_all_before_them(make):
    for name in ("13_scorecard", "00_overview", "04_wire", "02_steps"):
        path = make(name)
    found = notebooks.discover(path.parent)
    assert list(found) == ["02_steps", "04_wire", "13_scorecard", "00_overview"]
    assert found["13_scorecard"].needs == ("02_steps", "04_wire")
    assert found["00_overview"].needs == ("02_steps", "04_wire", "13_scorecard")


def test_needs_are_given_by_number_or_name_and_followed(make):
    make("02_steps")
    make("03_memory", needs=("02",))
    path = make("05_train", needs=("03_memory",))
    found = notebooks.discover(path.parent)
    assert notebooks.with_needs(found, ["05_train"]) == ["02_steps", "03_memory", "05_train"]
    assert notebooks.with_needs(found, ["03_memory"]) == ["02_steps", "03_memory"]


@pytest.mark.parametrize("only", [["03"], ["3"], ["03_memory"]])
def test_only_takes_numbers_and_names(make, only):
    make("02_steps")
    found = notebooks.discover(make("03_memory").parent)
    assert notebooks.select(found, only) == ["03_memory"]
    assert notebooks.select(found, []) == ["02_steps", "03_memory"]


def test_an_unknown_name_gets_a_suggestion(make):
    found = notebooks.discover(make("03_memory").parent)
    with pytest.raises(NotebookError, match=r"no notebook '03_memry'; did you mean '03_memory'\?"):
        notebooks.select(found, ["03_memry"])
    with pytest.raises(NotebookError, match="no notebook '77'; known: 03_memory"):
        notebooks.select(found, ["77"])


def test_a_need_that_does_not_exist_names_the_file(make):
    path = make("03_memory", needs=("09",))
    with pytest.raises(NotebookError, match=r"03_memory\.ipynb: metadata\.locolab\.needs: no notebook '09'"):
        notebooks.discover(path.parent)


def test_a_broken_file_is_named(tmp_path: Path):
    (tmp_path / "03_broken.ipynb").write_text("{")
    with pytest.raises(NotebookError, match=r"03_broken\.ipynb"):
        notebooks.discover(tmp_path)
    with pytest.raises(NotebookError, match="no notebooks"):
        notebooks.discover(tmp_path / "nowhere")


@pytest.mark.parametrize("line", ["import os", "rounds: int", "a = b = 1", "rounds = 2 * 3", "x[0] = 1"])
def test_parameters_are_literals(line):
    with pytest.raises(NotebookError, match="sets no literal"):
        notebooks.literals(line)


def test_time_limits_come_from_the_author_else_from_the_estimate(make):
    path = make("03_memory", minutes={"fast": 4}, timeout={"smoke": 90})
    notebook = notebooks.read(path)
    assert notebook.seconds_expected("fast") == 240
    assert notebook.seconds_allowed("fast") == 960
    assert notebook.seconds_allowed("smoke") == 90
    assert notebook.seconds_allowed("full") == 600
