"""Checkers of single functions of the chain's epoch arithmetic (S/epoch/math.rs), named by the vector's id.

Matrices come dense or as rows of [column, value]. A decimal may stand for an f32 or an f64 literal of the
Rust test, which the vector does not say: a case passes if one reading of its inputs and of its expected
values does.
"""

import itertools
import re

import numpy as np

from chain_checks.frame import REQUIRED, Fields, Tolerance, VectorError, checks, confirm
from locolab.economy import i32f32
from locolab.economy.fixed import I32F32
from locolab.economy.yuma import YumaSettings
from locolab.economy.yuma.bonds import liquid_alpha, moving_average, speed

NAMED = {"max": I32F32.maximum, "min": I32F32.minimum}
FUNCTIONS = {}


class Case:
    """One case of a vector, whose parameters hold for all cases, read with one width of its decimals."""

    def __init__(self, fields: Fields, params: Fields, width: type) -> None:
        self.fields, self.params, self.width = fields, params, width

    def plain(self, *names, default=REQUIRED):
        """Return the first field present among `names`, in the case or in the vector's parameters."""
        in_params = not any(name in self.fields for name in names) and any(n in self.params for n in names)
        return (self.params if in_params else self.fields).take(*names, default=default)

    def fixed(self, *names, default=REQUIRED):
        """Return the field as raw I32F32 in its shape; a matrix that is sparse or one list becomes dense."""
        flat = self.plain(*[f"{name}_row_major" for name in names], default=None)
        if flat is not None:
            matrix = fixed(flat, self.width).reshape(self.plain("rows"), -1)
            return matrix.T if self.plain("transpose", default=False) else matrix
        height, width = self.fields.data.get("rows"), self.plain("columns", default=None)
        if isinstance(height, int):
            self.plain("rows")  # a count, which the matrix shows by itself
        value = self.plain(*names, default=default)
        return fixed(densify(value, width if isinstance(width, int) else None), self.width)

    def one(self, *names, default=REQUIRED):
        """Return the field, one number, as raw I32F32."""
        return int(self.fixed(*names, default=default))

    def expected(self, shape: tuple[int, ...], width: type) -> np.ndarray:
        """Return the expected value as raw I32F32 in `shape`, however the case writes it."""
        flat = self.plain("expected_row_major", default=None)
        if flat is not None:
            return fixed(flat, width).reshape(shape)
        value = self.plain("expected", "expected_rows", "expected_columns", "result", "target")
        value = fixed(densify(value, shape[-1] if len(shape) == 2 else None), width)
        return value.T if "expected_columns" in self.fields else value


def matrix_of(case: Case) -> np.ndarray:
    """Return the matrix that a case is about, which may be given by its columns."""
    if isinstance(case.plain("columns", default=None), list):
        return case.fixed("columns").T
    return case.fixed("matrix", "rows", "weights", "input", "x")


def fixed(value, width=np.float64):
    """Return numbers (or "I32F32::MAX") as raw I32F32, read as literals of `width`."""
    array = np.array(value, object)
    flat = [raw_of(item, width) for item in array.ravel().tolist()]
    return np.array(flat, np.int64).reshape(array.shape)


def raw_of(item, width):
    if isinstance(item, str):
        match = re.fullmatch(r"I32F32::(MAX|MIN|max_value\(\)|min_value\(\))", item)
        if not match:
            raise VectorError(f"{item!r} is no number that the checker knows")
        return NAMED[match[1][:3].lower()]
    return I32F32.of(float(width(item)) if isinstance(item, float) else item)


def densify(value, columns=None):
    """Return rows of [column, value] as a dense matrix; anything else as it is."""
    if not is_sparse(value):
        return value
    width = columns or 1 + max((entry[0] for row in value for entry in row), default=-1)
    dense = [[0] * width for _ in value]
    for row, entries in zip(dense, value, strict=True):
        for column, item in entries:
            row[column] = item
    return dense


def is_sparse(value):
    return isinstance(value, list) and any(
        isinstance(row, list) and row and isinstance(row[0], list) for row in value
    )


def function(*names):
    """Return a decorator that registers a function of a Case under the chain's names for it."""

    def register(compute):
        for name in names:
            assert name not in FUNCTIONS, name
            FUNCTIONS[name] = compute
        return compute

    return register


def find_function(vector: Fields):
    """Return the function that the vector is about, by its field, its id or the name of its test."""
    asked = [vector.take("function", default=""), vector.data.get("id", ""), vector.data.get("source", "")]
    bare = [re.sub(r"^.*::(test_)?", "", text) for text in asked]
    bare = [re.sub(r"^(yuma_)?(math_)?(inplace_)?(vec_(?=sum$))?", "", name) for name in bare]
    names = [re.sub(r"^sparse_(.*)$", r"\1_sparse", name) for name in bare]
    for name in names:
        for known in (name, name.removesuffix("_sparse")):
            if known in FUNCTIONS:
                return FUNCTIONS[known]
    for name, known in itertools.product(names, sorted(FUNCTIONS, key=len, reverse=True)):
        if name.startswith(known):
            return FUNCTIONS[known]
    raise VectorError(f"{vector.where}: the checker knows no function {asked}")


@checks("yuma_math")
def check_math(vector: Fields) -> None:
    tolerance, compute, params = Tolerance(vector), find_function(vector), vector.inner("params")
    for case in vector.cases() if "cases" in vector else [vector]:
        own = tolerance.of_case(case) if case is not vector else None
        limit = tolerance.of("expected") if own is None else own
        failures = []
        for widths in itertools.product((np.float64, np.float32), repeat=2):
            try:
                compare(compute, Case(case, params, widths[0]), limit, widths[1])
                break
            except AssertionError as failure:
                failures.append(failure)
        else:
            raise failures[0]


def compare(compute, case: Case, limit: float, width: type) -> None:
    """Compute a case and compare: raw I32F32 arrays as numbers, other results as they are."""
    got, where = compute(case), case.fields.where
    if isinstance(got, np.ndarray | np.int64) and got.dtype == np.int64:
        got = np.asarray(got)
        expected = case.expected(got.shape, width)
        got, expected = (raw.astype(object) if not limit else i32f32.to_float(raw) for raw in (got, expected))
    else:
        got, expected = np.array(got, object), np.array(case.plain("expected", "result", "target"), object)
    if got.size or expected.size:
        confirm(got.shape == expected.shape, f"{where}: shape {got.shape}, expected {expected.shape}")
        pairs = zip(got.flat, expected.flat, strict=True)
        close = [abs(a - b) <= limit if limit else a == b for a, b in pairs]
        confirm(all(close), f"{where}: got {got.tolist()}, expected {expected.tolist()} within {limit}")
    else:
        confirm(True, where)


def check_liquid_alpha_off(params: Fields, expected: Fields, tolerance: Tolerance) -> None:
    """Check that liquid alpha between equal ends moves bonds as the plain moving average does (dense)."""
    sides = re.split(" *== *", expected.take("property"))
    if sorted(sides) != ["result(liquid off)", "result(liquid on)"]:
        raise VectorError(f"{expected.where}: the checker does not understand the property {sides}")
    shape = params.take("rows"), params.take("columns")
    weights, bonds = (fixed(params.take(f"{name}_row_major")).reshape(shape) for name in ("weights", "bonds"))
    settings = YumaSettings(
        alpha_low=params.take("alpha_low_u16"),
        alpha_high=params.take("alpha_high_u16"),
        bonds_moving_average=params.take("bonds_moving_average"),
    )
    consensus = fixed(params.take("consensus"))[: shape[1]]  # the test gives one more than there are columns
    liquid = np.minimum(
        moving_average(weights, bonds, liquid_alpha(weights, bonds, consensus, settings)), i32f32.ONE
    )
    plain = moving_average(weights, bonds, speed(settings))
    tolerance.check("property", i32f32.to_float(liquid), i32f32.to_float(plain), expected.where)
