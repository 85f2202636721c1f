"""Vectors taken from the chain's own test suite, checked within each vector's own tolerance.

They are not part of the repository. CHAIN_VECTORS names their directory, ../shared/vectors if unset;
the checkers are in tests/chain_checks, one file a prefix.
"""

import json
import os

import pytest

from chain_checks import emission, swap, yuma  # noqa: F401 (each registers its kinds)
from chain_checks.frame import CHECKERS, Tolerance, VectorError, check_vector, checks
from locolab.files import ROOT

DIRECTORY = ROOT / os.environ.get("CHAIN_VECTORS", "../shared/vectors")
FILES = sorted(path for path in DIRECTORY.glob("*.json") if path.name != "index.json")


ABSENT = pytest.mark.skipif(not DIRECTORY.is_dir(), reason=f"no chain vectors at {DIRECTORY}")


@ABSENT
def test_the_directory_holds_vectors():
    assert FILES, f"no *.json in {DIRECTORY}"


@ABSENT
@pytest.mark.parametrize("path", FILES or [DIRECTORY / "none.json"], ids=lambda path: path.stem)
def test_chain_vector(path):
    check_vector(json.loads(path.read_text(encoding="utf-8")), path.stem)


@pytest.fixture
def sample_kind():
    """Register a kind that reads two fields, one of them within the tolerance."""

    @checks("sample")
    def check_sample(vector):
        tolerance = Tolerance(vector)
        for case in vector.cases():
            if case.take("quiet", default=False):
                continue
            tolerance.check("double", 2 * case.take("value"), case.take("double"), case.where)

    yield
    del CHECKERS["sample"]


@pytest.mark.usefixtures("sample_kind")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, None),
        ({"kind": "other"}, "no checker for kind 'other'"),
        ({"extra": 1}, "does not know the field.*extra"),
        ({"cases": [{"value": 2, "double": 4, "op": "x"}]}, "does not know the field.*op"),
        ({"cases": [{"value": 2}]}, "no field 'double'"),
        ({"cases": [{"value": 2, "double": 5}]}, "got 4, expected 5 within 0"),
        ({"cases": [{"value": 2, "double": 5}], "tolerance": {"double": 1}}, None),
        ({"cases": [{"value": 2, "double": 5}], "tolerance": {"rel": 0.2}}, None),
        ({"tolerance": {"all": 0, "tripled": 1}}, "does not know the field.*tripled"),
        ({"cases": [{"value": 2**63, "double": 2**64 - 1}]}, "got 18446744073709551616"),
        ({"cases": [{"value": [1], "double": 2}]}, "shape"),
        ({"cases": [{"value": 2, "double": 4, "comment": "twice", "value_source": "l. 9"}]}, None),
        ({"cases": [{"value": 2, "double": "2 * value", "double_evaluated": 4}]}, None),
        ({"cases": [{"value": 2, "double": 5}], "tolerance": {"double": "expected // 5"}}, None),
        ({"cases": [{"quiet": True}]}, "nothing is expected of this case"),
        ({"cases": []}, "nothing is expected"),
    ],
)
def test_frame_refuses_what_it_does_not_know(changes, message):
    vector = {"kind": "sample", "id": "a", "cases": [{"value": 2, "double": 4}], **changes}
    if message is None:
        check_vector(vector, "sample")
    else:
        with pytest.raises((VectorError, AssertionError), match=message):
            check_vector(vector, "sample")
