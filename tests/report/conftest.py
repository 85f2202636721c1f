"""A small ledger and a redirected results folder for the tests of the notebook kit."""

import pytest

from locolab.report import notebook
from locolab.report.claims import Check, Claim, Ledger


def claim(name, rule, notebook="90_tiny", **fields):
    scale = "small" if rule == "paired" else "exact"
    kind = fields.pop("kind", "measured")
    return Claim(
        id=name,
        section="ours",
        places=("here",),
        statement="a statement",
        kind=kind,
        check=Check(rule, of="a number", **fields.pop("check", {})),
        notebook=notebook,
        scale=scale,
        **fields,
    )


LEDGER = Ledger(
    [
        claim("ours.ratio", "at-least", check={"value": 145.5}, unit="x"),
        claim("ours.loss", "paired", check={"expects": "beats", "margin": 0.1}, unit="nats/token"),
        claim("ours.elsewhere", "equal", notebook="91_other", check={"value": 1}),
    ],
    {"places": {}},
)


@pytest.fixture
def make_claim():
    """Return the maker of rows."""
    return claim


@pytest.fixture
def small_ledger():
    """Return the rows the notebook kit judges in these tests."""
    return LEDGER


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    """Redirect results, and give the notebook kit the small ledger."""
    monkeypatch.setenv("LOCOLAB_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr(notebook, "load_ledger", lambda: LEDGER)
    return tmp_path / "results"
