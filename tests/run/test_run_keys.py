"""What makes a notebook run again, and what does not."""

import dataclasses

import pytest

from locolab.run import keys, notebooks


@pytest.fixture
def notebook(make):
    return notebooks.read(make("03_memory", "from locolab.config import Config\nx = 1  # one"))


def changed(notebook, **changes):
    return keys.key(dataclasses.replace(notebook, **changes), {"rounds": 2})


def test_comments_and_layout_do_not_count(notebook):
    same = ("from locolab.config import Config\n\nx=1  # eins",)
    assert changed(notebook, code=same) == changed(notebook)


@pytest.mark.parametrize(
    "code", [("x = 2",), ("x = 1",), ("%timeit 1",), ("from locolab.config import Config\nx = 1", "y = 1")]
)
def test_code_counts(notebook, code):
    assert changed(notebook, code=code) != changed(notebook)


def test_parameters_defaults_rows_and_inputs_count(notebook):
    found = {
        changed(notebook),
        changed(notebook, parameters={"rounds": 9}),
        keys.key(notebook, {"rounds": 3}),
        keys.key(notebook, {"rounds": 2}, rows=[{"id": "a"}]),
        keys.key(notebook, {"rounds": 2}, inputs={"02_steps": ["ok", "abc"]}),
    }
    assert len(found) == 5


def test_modules_are_followed_transitively():
    used = keys.modules_used(["from locolab.provenance import stamp"])
    assert used == ["locolab", "locolab.files", "locolab.provenance"]
    assert "locolab.files" in keys.modules_used(["import locolab.report.notebook as n"])


def test_attributes_are_no_modules_and_other_packages_do_not_count():
    assert keys.modules_used(["from locolab.config import Config\nimport numpy"]) == [
        "locolab",
        "locolab.config",
    ]
    assert keys.modules_used(["%matplotlib inline"]) == []


def test_the_style_sheet_counts_as_code_of_its_room(tmp_path, monkeypatch):
    package = tmp_path / "locolab"
    (package / "report").mkdir(parents=True)
    (package / "report/style.py").write_text("x = 1")
    (package / "report/style.mplstyle").write_text("figure.dpi: 100")
    monkeypatch.setattr(keys.provenance, "PACKAGE", package)
    before = keys.code_of(["locolab.report.style"])
    (package / "report/style.py").write_text("x = 1  # one")
    assert keys.code_of(["locolab.report.style"]) == before
    (package / "report/style.mplstyle").write_text("figure.dpi: 200")
    assert keys.code_of(["locolab.report.style"]) != before


def test_data_is_found_by_the_names_in_the_code(tmp_path, monkeypatch):
    (tmp_path / "recorded").mkdir()
    for name in ("feedback.json", "feedback.parquet", "other.json"):
        (tmp_path / "recorded" / name).write_text("{}")
    monkeypatch.setattr(keys, "data_dir", lambda: tmp_path)
    found = keys.data_files(["a = run.recorded('feedback').frame", "run.recorded(name)", "%magic"])
    assert [path.name for path in found] == ["feedback.json", "feedback.parquet"]
    assert keys.data_files(["run.term('chunk')"]) == [tmp_path / "terms.yaml"]
