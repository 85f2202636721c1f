"""Every source notebook: its anatomy, its parameters, its claims, and nothing that does not belong in one."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest

from locolab.report.ledger import Claim, load_ledger
from locolab.report.wording import DIRECTIONS
from locolab.run.notebooks import FOLDER, NotebookError, is_parameters, literals
from locolab.run.pipeline import make_plan
from locolab.run.profiles import PROFILES
from locolab.run.style_report import MOST_LINES, code_lines, main, measure

ANATOMY = [
    "title",
    "objectives",
    "misconception",
    "parameters",
    "setup",
    "by-hand",
    "experiment",
    "predict",
    "control",
    "limits",
    "try-it",
    "exercises",
    "summary",
]
NOT_IN_FRAMES = {"by-hand", "control", "exercises"}
FRAMES = ("00", "01", "13")
PARAMETER = re.compile(r"[a-z]\w*: (int|float|str|bool|list(\[\w+\])?) = .+?  # \S.*")
KIT = re.compile(r'(notebook|profile): str = "\w+"')
"""Two parameters every notebook has, which need no words."""
ABSOLUTE = re.compile(r"(?<![\w.:/])/(home|root|tmp|work|usr|opt|mnt|var|etc|Users)/|\b[A-Z]:\\")
MOST_FUNCTIONS = 3

Notebook = Any
Check = Callable[[Path, Notebook], Iterator[str]]


def structure(path: Path, content: Notebook) -> Iterator[str]:
    """Yield what makes the file anything but a valid nbformat 4.5 notebook without outputs."""
    try:
        nbformat.validate(content)
    except nbformat.ValidationError as error:
        yield f"invalid: {error}"
    if (content.nbformat, content.nbformat_minor) != (4, 5):
        yield f"nbformat {content.nbformat}.{content.nbformat_minor}, should be 4.5"
    if content.metadata.get("kernelspec", {}).get("name") != "python3":
        yield "kernelspec should be python3"
    for extra in set(content.metadata) - {"kernelspec", "language_info", "locolab"}:
        yield f"metadata {extra!r} does not belong in a source"
    for cell in content.cells:
        if cell.get("outputs") or cell.get("execution_count"):
            yield f"[{cell.id}] has outputs; strip them (nbstripout --keep-id)"
        if set(cell.metadata) - {"tags"}:
            yield f"[{cell.id}] has metadata {sorted(set(cell.metadata) - {'tags'})}"


def ids(path: Path, content: Notebook) -> Iterator[str]:
    """Yield cell ids that are not unique, lower-case words."""
    names = [cell.id for cell in content.cells]
    for name in names:
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or re.fullmatch(r"[0-9a-f]{8}", name):
            yield f"[{name}] is not a readable id"
        if names.count(name) > 1:
            yield f"[{name}] is not unique"


def anatomy(path: Path, content: Notebook) -> Iterator[str]:
    """Yield the parts that are missing or out of order; claims may be checked before figures show them."""
    names = [cell.id for cell in content.cells]
    wanted = [part for part in ANATOMY if not (path.stem[:2] in FRAMES and part in NOT_IN_FRAMES)]
    for part in [*wanted, "claims"]:
        if part not in names:
            yield f"[{part}] is missing"
    found = [part for part in names if part in wanted]
    if found != [part for part in wanted if part in found]:
        yield f"out of order: {', '.join(found)}"
    if {"experiment", "claims", "limits"} <= set(names):
        places = [names.index(part) for part in ("experiment", "claims", "limits")]
        if places != sorted(places):
            yield "[claims] should come after [experiment] and before [limits]"


def parameters(path: Path, content: Notebook) -> Iterator[str]:
    """Yield parameters that are no typed literal with a comment, one per line; and a missing one."""
    cells = [cell for cell in content.cells if is_parameters(cell)]
    if [cell.id for cell in cells] != ["parameters"]:
        yield f"one cell, [parameters], has the tag parameters; found {[cell.id for cell in cells]}"
        return
    for line in cells[0].source.splitlines():
        if not PARAMETER.fullmatch(line) and not KIT.fullmatch(line):
            yield f"[parameters] wants `name: type = literal  # what it is, unit`, got `{line}`"
    try:
        values = literals(cells[0].source)
    except NotebookError as error:
        yield str(error)
        return
    if values.get("notebook") != path.stem:
        yield f"notebook should be {path.stem!r}, is {values.get('notebook')!r}"
    if values.get("profile") != "fast" or type(values.get("seed")) is not int:
        yield "[parameters] needs profile = 'fast' and an int seed"


def estimates(path: Path, content: Notebook) -> Iterator[str]:
    """Yield profiles without expected minutes, and limits (seconds) that an expected run would reach."""
    described = content.metadata.get("locolab", {})
    for profile in PROFILES:
        minutes = described.get("minutes", {}).get(profile)
        limit = described.get("timeout", {}).get(profile)
        if not isinstance(minutes, int | float):
            yield f"metadata.locolab.minutes has no number for {profile}"
        elif limit is not None and limit < 2 * 60 * minutes:
            yield f"metadata.locolab.timeout.{profile} is {limit} s for {minutes} min; at least twice that"


def code(path: Path, content: Notebook) -> Iterator[str]:
    """Yield code that belongs into the library, or that ties a notebook to one machine."""
    functions = 0
    for cell in content.cells:
        if ABSOLUTE.search(cell.source):
            yield f"[{cell.id}] has an absolute path"
        if cell.cell_type != "code":
            continue
        if re.search(r"^\s*[%!]", cell.source, re.MULTILINE):
            yield f"[{cell.id}] has a magic or a shell command"
            continue
        if (lines := code_lines(cell.source)) > MOST_LINES:
            yield f"[{cell.id}] has {lines} lines of code, at most {MOST_LINES}"
        for node in ast.walk(ast.parse(cell.source)):
            functions += isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            if isinstance(node, ast.ClassDef):
                yield f"[{cell.id}] defines a class"
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
                yield f"[{cell.id}] has a star import"
            if ast.unparse(node) == "sys.path":
                yield f"[{cell.id}] edits sys.path"
    if functions > MOST_FUNCTIONS:
        yield f"defines {functions} functions, at most {MOST_FUNCTIONS}"


def figures(path: Path, content: Notebook) -> Iterator[str]:
    """Yield cells with more than one figure, or with one of another name; and pictures from elsewhere."""
    for cell in content.cells:
        if cell.cell_type == "markdown" and re.search(r"!\[[^\]]*\]\(\s*https?:|<img", cell.source):
            yield f"[{cell.id}] shows a picture from elsewhere"
        made = [call for call in _calls(cell) if call.func.attr == "figure" and _is_run(call)]
        if len(made) > 1:
            yield f"[{cell.id}] has {len(made)} figures; one per cell"
        for call in made:
            names = [ast.unparse(word.value) for word in call.keywords if word.arg == "name"]
            if not cell.id.startswith("fig-") or names != [repr(cell.id)]:
                yield f"[{cell.id}] should be a cell fig-... and pass name={cell.id!r}"


def claims(path: Path, content: Notebook) -> Iterator[str]:
    """Yield claims that the ledger does not know, and rows that the cell they name does not check."""
    checked: dict[str, set[str]] = {}
    for cell in content.cells:
        for call in _calls(cell):
            name = ast.literal_eval(call.args[0]) if _names_a_claim(call) else None
            if name and name not in ledger():
                yield f"[{cell.id}] names {name!r}, which data/claims.yaml does not have"
        if any(call.func.attr == "check" and _is_run(call) for call in _calls(cell)):
            checked[cell.id] = _strings(cell.source)
    for row in ledger().values():
        if row.notebook != path.stem or not _is_due(row):
            continue
        if row.id not in checked.get(row.cell or "", set()):
            found = [cell for cell, strings in checked.items() if row.id in strings]
            yield f"{row.id} should be checked in [{row.cell}] (data/claims.yaml), it is in {found}"


def prose(path: Path, content: Notebook) -> Iterator[str]:
    """Yield findings written before they were found: a direction word near a figure in static text."""
    word, near = rf"(?:{DIRECTIONS.pattern})", r"[^.\n]{0,25}"
    finding = re.compile(rf"{word}{near}\d|\d{near}{word}", re.IGNORECASE)
    for cell in content.cells:
        if cell.cell_type == "markdown":
            for found in finding.finditer(cell.source):
                yield f"[{cell.id}] states a finding in static text: {found[0]!r}; use run.say"


CHECKS = (structure, ids, anatomy, parameters, estimates, code, figures, claims, prose)
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path: Path, check: Check):
    problems = list(check(path, nbformat.read(path, as_version=4)))
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("profile", PROFILES)
def test_profiles_override_only_what_there_is(profile):
    plan = make_plan(profile)
    assert all(plan.parameters[name]["profile"] == profile for name in plan.names)


def test_the_style_report_never_fails(capsys):
    assert main() == 0
    assert "missed aims" in capsys.readouterr().out


PARAMETERS = """notebook: str = "03_tiny"  # this file
profile: str = "fast"  # smoke, fast or full
seed: int = 0  # seed"""


def tiny(**changes: str) -> Notebook:
    """Return a notebook that passes every check but `claims`, with some cells' sources replaced or added."""
    content = nbformat.v4.new_notebook()
    content.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    content.metadata["locolab"] = {"minutes": dict.fromkeys(PROFILES, 1), "timeout": {"fast": 120}}
    sources = dict.fromkeys(ANATOMY, "words")
    sources |= {"parameters": PARAMETERS, "setup": "x = 1", "claims": "run.finish()"}
    sources |= {name.replace("_", "-"): text for name, text in changes.items()}
    usual = [*ANATOMY[:9], "claims", *ANATOMY[9:]]
    for name in dict.fromkeys([*usual, *sources]):
        is_code = name in ("parameters", "setup") or name.startswith("code-") or "run." in sources[name]
        make = nbformat.v4.new_code_cell if is_code else nbformat.v4.new_markdown_cell
        cell = make(sources[name], id=name)
        cell.metadata = nbformat.NotebookNode({"tags": ["parameters"]} if name == "parameters" else {})
        content.cells.append(cell)
    return content


def problems(check: Check, content: Notebook, name: str = "03_tiny") -> str:
    return "\n".join(check(Path(f"{name}.ipynb"), content))


@pytest.mark.parametrize(
    "check", [check for check in CHECKS if check is not claims], ids=lambda c: c.__name__
)
def test_a_good_notebook_has_no_problems(check):
    assert problems(check, tiny(fig_a='run.figure(f, alt, data, name="fig-a")')) == ""


def test_the_frame_needs_no_example_by_hand():
    content = tiny()
    content.cells = [cell for cell in content.cells if cell.id not in NOT_IN_FRAMES]
    assert problems(anatomy, content, "00_tiny") == ""
    assert "[by-hand] is missing" in problems(anatomy, content)


@pytest.mark.parametrize(
    ("check", "changes", "message"),
    [
        (parameters, {"parameters": PARAMETERS + "\nrounds: int = 3"}, "got `rounds: int = 3`"),
        (parameters, {"parameters": PARAMETERS + "\nk = 3  # kept"}, "got `k = 3  # kept`"),
        (parameters, {"parameters": PARAMETERS + "\nk: int = 2 * 3  # kept"}, "sets no literal"),
        (parameters, {"parameters": PARAMETERS.replace("03_tiny", "04_tiny")}, "should be '03_tiny'"),
        (parameters, {"parameters": PARAMETERS.replace('"fast"', '"smoke"')}, "needs profile = 'fast'"),
        (code, {"code_a": "class A:\n    pass"}, "defines a class"),
        (code, {"code_a": "\n".join(f"def f{i}(): pass" for i in range(4))}, "defines 4 functions"),
        (code, {"code_a": "import sys\nsys.path.append('x')"}, "edits sys.path"),
        (code, {"code_a": "%pip install torch"}, "a magic"),
        (code, {"code_a": "open('/home/me/x')"}, "an absolute path"),
        (code, {"code_a": "\n".join(["x = 1"] * 21)}, "has 21 lines"),
        (code, {"code_a": "from torch import *"}, "a star import"),
        (figures, {"fig_a": 'run.figure(f, name="fig-a")\nrun.figure(g, name="fig-a")'}, "has 2 figures"),
        (figures, {"fig_a": 'run.figure(f, name="fig-b")'}, "pass name='fig-a'"),
        (figures, {"code_a": 'run.figure(f, name="code-a")'}, "should be a cell fig-"),
        (figures, {"words": "![x](https://example.org/x.png)"}, "picture from elsewhere"),
        (claims, {"claims": 'run.check("ours.no-such-row", 1)'}, "names 'ours.no-such-row'"),
        (prose, {"words": "The sparse one beats it by 3 %."}, "states a finding"),
        (prose, {"words": "At 0.2 nats the gap closes."}, "states a finding"),
        (ids, {"Words": "x"}, "[Words] is not a readable id"),
    ],
)
def test_a_bad_cell_is_found(check, changes, message):
    assert message in problems(check, tiny(**changes))


def test_bad_structure_is_found():
    content = tiny()
    content.metadata["papermill"] = {}
    content.metadata["kernelspec"]["name"] = "base"
    content.cells[3].execution_count = 3
    content.cells[0].metadata["collapsed"] = True
    found = problems(structure, content)
    assert "metadata 'papermill'" in found
    assert "kernelspec should be python3" in found
    assert "[parameters] has outputs" in found
    assert "[title] has metadata ['collapsed']" in found


def test_order_and_estimates_are_checked():
    content = tiny()
    content.cells[1], content.cells[2] = content.cells[2], content.cells[1]
    assert "out of order" in problems(anatomy, content)
    content.metadata["locolab"] = {"minutes": {"smoke": 1, "fast": 3}, "timeout": {"fast": 120}}
    found = problems(estimates, content)
    assert "no number for full" in found
    assert "120 s for 3 min" in found


def test_a_row_is_checked_in_the_cell_that_the_ledger_names(monkeypatch):
    row = next(row for row in ledger().values() if row.notebook and _is_due(row))
    wrong = tiny(code_a=f"run.check({row.id!r}, 1)")
    assert f"{row.id} should be checked in [{row.cell}]" in problems(claims, wrong, row.notebook)
    right = tiny(**{row.cell or "": f"run.check({row.id!r}, 1)"})
    assert f"{row.id} should" not in problems(claims, right, row.notebook)


def test_the_style_report_counts(tmp_path, capsys):
    path = tmp_path / "03_tiny.ipynb"
    nbformat.write(tiny(code_a="\n".join(["x = 1"] * 14), code_b="\n".join(["x = 1"] * 21)), path)
    style = measure(path)
    assert (style.cells, style.most_lines, style.long_pairs) == (16, 21, 1)
    assert style.misses() == [
        "16 cells (aim 25-60)",
        "longest cell 21 lines (aim 20)",
        "1 long cells after long ones",
    ]
    main([str(tmp_path)])
    assert "16 cells" in " ".join(capsys.readouterr().out.split())


@cache
def ledger() -> dict[str, Claim]:
    return dict(load_ledger())


def _is_due(row: Claim) -> bool:
    """Return whether a row waits for nothing: its notebook exists, and there is something to compute."""
    return row.status != "not-yet" and row.check.rule != "none"


def _calls(cell: Notebook) -> list[Any]:
    """Return the method calls of a code cell."""
    if cell.cell_type != "code":
        return []
    try:
        nodes = ast.walk(ast.parse(cell.source))
    except SyntaxError:
        return []
    return [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]


def _is_run(call: Any) -> bool:
    return isinstance(call.func.value, ast.Name) and call.func.value.id == "run"


def _names_a_claim(call: Any) -> bool:
    is_text = call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    return bool(is_text and _is_run(call) and call.func.attr in ("check", "say", "title", "outcome"))


def _strings(source: str) -> set[str]:
    return {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
