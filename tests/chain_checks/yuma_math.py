"""Checkers of single functions of the chain's epoch arithmetic (S/epoch/math.rs), named by the vector's id.

Matrices come dense or as rows of [column, value]. A decimal may stand for an f32 or an f64 literal of the
Rust test, which the vector does not say: a case passes if one reading of its inputs and of its expected
values does.
"""

import itertools
import operator
import re

import numpy as np

from chain_checks.frame import REQUIRED, Fields, Tolerance, VectorError, checks
from locolab.economy import i32f32
from locolab.economy.fixed import I32F32, I64F64, U16_MAX, U64_MAX
from locolab.economy.yuma import YumaSettings
from locolab.economy.yuma.bonds import liquid_alpha, moving_average, speed
from locolab.economy.yuma.consensus import consensus_of, top_permits, weighted_median
from locolab.economy.yuma.metagraph import upscale

NAMED = {"max": I32F32.maximum, "min": I32F32.minimum}
FUNCTIONS = {}


class Case:
    """One case of a vector, read with one width of its decimals."""

    def __init__(self, fields: Fields, width: type) -> None:
        self.fields, self.width = fields, width

    def plain(self, *names, default=REQUIRED):
        return self.fields.take(*names, default=default)

    def fixed(self, *names, default=REQUIRED):
        """Return the field as raw I32F32, an array of its shape; a sparse matrix becomes dense."""
        value = self.fields.take(*names, default=default)
        return fixed(densify(value, self.columns()), self.width)

    def one(self, *names, default=REQUIRED):
        return int(self.fixed(*names, default=default))

    def columns(self):
        return self.fields.take("columns", default=None)


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
    tried = []
    for text in asked:
        name = re.sub(r"^(yuma_)?(math_)?(inplace_)?", "", re.sub(r"^.*::(test_)?", "", text))
        tried += [name, re.sub(r"^sparse_(.*)$", r"\1_sparse", name)]
        while name and not any(name.startswith(known) for known in FUNCTIONS):
            name = ""
        tried += sorted((known for known in FUNCTIONS if name.startswith(known)), key=len, reverse=True)
    for name in tried:
        if name in FUNCTIONS or name.removesuffix("_sparse") in FUNCTIONS:
            return FUNCTIONS.get(name) or FUNCTIONS[name.removesuffix("_sparse")]
    raise VectorError(f"{vector.where}: the checker knows no function {asked}")


@checks("yuma_math")
def check_math(vector: Fields) -> None:
    tolerance, compute = Tolerance(vector), find_function(vector)
    for case in vector.each("cases"):
        limit = case.take("abs_tol", "tolerance", default=tolerance.of())
        failures = []
        for widths in itertools.product((np.float64, np.float32), repeat=2):
            try:
                compare(compute(Case(case, widths[0])), case, limit, widths[1])
                break
            except AssertionError as failure:
                failures.append(failure)
        else:
            raise failures[0]


def compare(got, case: Fields, limit, width) -> None:
    """Compare a result with the case's expected value: raw I32F32 arrays as numbers, others as they are."""
    expected = case.take("expected", "expected_rows", "result", "target")
    if isinstance(got, np.ndarray | np.int64) and got.dtype == np.int64:
        got = np.asarray(got)
        expected = fixed(densify(expected, got.shape[-1] if got.ndim == 2 else None), width)
        got, expected = (raw.astype(object) if not limit else i32f32.to_float(raw) for raw in (got, expected))
    else:
        got, expected = np.array(got, object), np.array(expected, object)
    if got.size or expected.size:
        assert got.shape == expected.shape, f"{case.where}: shape {got.shape}, expected {expected.shape}"
        close = [
            a == b if limit == 0 else abs(a - b) <= limit
            for a, b in zip(got.flat, expected.flat, strict=True)
        ]
        assert all(close), f"{case.where}: got {got.tolist()}, expected {expected.tolist()} within {limit}"


# --- vectors ---


@function("sum")
def total(case):
    return i32f32.total(case.fixed("vector", "x"))


@function("is_zero")
def is_zero(case):
    return bool(i32f32.total(case.fixed("vector")) == 0)


@function("checked_sum")
def checked_sum(case):
    numbers = case.plain("vector", "input", "x")
    return sum(numbers) if sum(numbers) <= case.plain("max", default=U64_MAX) else None


@function("normalize", "normalize_64")
def normalize(case):
    return i32f32.normalise(case.fixed("vector", "x"))


@function("normalize_using_sum")
def normalize_using_sum(case):
    return i32f32.divide(case.fixed("vector", "x"), case.one("sum", "x_sum"))


@function("vecdiv")
def vecdiv(case):
    return i32f32.divide(case.fixed("x", "numerator"), case.fixed("y", "denominator"))


@function("vec_mul")
def vec_mul(case):
    return i32f32.multiply(case.fixed("a", "x"), case.fixed("b", "y"))


@function("vec_max_upscale_to_u16", "vec_u16_max_upscale_to_u16")
def max_upscale(case):
    return upscale(case.fixed("vector"))


@function("check_vec_max_limited")
def max_limited(case):
    shares = i32f32.normalise(case.fixed("vector"))
    return bool(shares.max(initial=0) <= i32f32.divide(case.plain("max_limit", "limit"), U16_MAX))


@function("is_topk")
def is_topk(case):
    vector = case.fixed("vector")  # shifted, so that no entry counts as empty
    return top_permits(vector - vector.min(initial=0) + 1, case.plain("k"))


@function("is_topk_nonzero")
def is_topk_nonzero(case):
    return top_permits(case.fixed("vector"), case.plain("k"))


@function("exp_safe", "safe_exp")
def exponential(case):
    return i32f32.exp(case.fixed("inputs", "input", "x"))


@function("sigmoid", "sigmoid_safe")
def sigmoid(case):
    rho, kappa = case.one("rho"), case.one("kappa")
    offsets = [I32F32.subtract(x, kappa) for x in case.fixed("inputs", "input", "x").tolist()]
    return i32f32.sigmoid(i32f32.multiply(I32F32.multiply(rho, -i32f32.ONE), np.array(offsets)))


# --- matrices ---


def matrix_of(case):
    return case.fixed("matrix", "rows", "weights", "input", "x")


@function("row_sum")
def row_sum(case):
    return i32f32.total(matrix_of(case), axis=1)


@function("col_sum")
def col_sum(case):
    return i32f32.total(matrix_of(case), axis=0)


@function("row_normalize", "row_normalize_64")
def row_normalize(case):
    return i32f32.normalise(matrix_of(case), axis=1)


@function("col_normalize")
def col_normalize(case):
    return i32f32.normalise(matrix_of(case), axis=0)


@function("col_max_upscale")
def col_max_upscale(case):
    matrix = matrix_of(case)
    return i32f32.divide(matrix, matrix.max(axis=0, initial=0))


@function("row_hadamard")
def row_hadamard(case):
    return i32f32.multiply(matrix_of(case), case.fixed("vector")[:, None])


@function("mat_vec_mul")
def mat_vec_mul(case):
    return i32f32.multiply(matrix_of(case), case.fixed("vector"))


@function("hadamard")
def hadamard(case):
    return i32f32.multiply(case.fixed("mat1", "a"), case.fixed("mat2", "b"))


@function("matmul", "matmul2")
def matmul(case):
    return i32f32.total(i32f32.multiply(matrix_of(case), case.fixed("vector")[:, None]), axis=0)


@function("matmul_transpose")
def matmul_transpose(case):
    return i32f32.total(i32f32.multiply(matrix_of(case), case.fixed("vector")), axis=1)


@function("col_clip")
def col_clip(case):
    return np.minimum(matrix_of(case), case.fixed("vector", "threshold", "col_threshold"))


@function("clip")
def clip(case):
    upper, lower = case.one("upper"), case.one("lower")
    return np.where(matrix_of(case) >= case.one("threshold"), upper, lower)


@function("clip_sparse")
def clip_sparse(case):
    return np.where(matrix_of(case) > 0, clip(case), 0)


@function("interpolate")
def interpolate(case):
    first, second = case.fixed("mat1", "a"), case.fixed("mat2", "b")
    return first + i32f32.multiply(case.one("ratio"), second - first)


@function("mat_ema")
def mat_ema(case):
    return moving_average(case.fixed("new"), case.fixed("old"), case.one("alpha", "alpha_all"))


@function("mat_ema_alpha")
def mat_ema_alpha(case):
    alpha = case.fixed("alpha_all", "alpha", "alphas")
    return np.minimum(moving_average(case.fixed("new"), case.fixed("old"), alpha), i32f32.ONE)


@function("mat_ema_alpha_sparse")
def mat_ema_alpha_sparse(case):
    return np.where(case.fixed("new") > 0, mat_ema_alpha(case), 0)


# --- masks: true is out ---


@function("mask_vector")
def mask_vector(case):
    return np.where(np.array(case.plain("mask"), bool), 0, case.fixed("vector"))


@function("mask_matrix")
def mask_matrix(case):
    return np.where(np.array(case.plain("mask"), bool), 0, matrix_of(case))


@function("mask_rows")
def mask_rows(case):
    return np.where(np.array(case.plain("mask"), bool)[:, None], 0, matrix_of(case))


@function("mask_cols")
def mask_cols(case):
    return np.where(np.array(case.plain("mask"), bool), 0, matrix_of(case))


@function("mask_diag", "mask_diag_except_index")
def mask_diag(case):
    matrix, kept = matrix_of(case), case.plain("except_index", "except", default=None)
    mask = np.eye(*matrix.shape, dtype=bool)
    if kept is not None:
        mask[kept, kept] = False
    return np.where(mask, 0, matrix)


@function("vec_mask_sparse_matrix", "scalar_vec_mask_sparse_matrix")
def vec_mask(case):
    signs = {"==": operator.eq, "<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt}
    sign = re.search("==|<=|>=|<|>", case.plain("mask_fn", "condition", "mask_if"))[0]
    rows = np.atleast_1d(case.plain("first_vector", "first", "scalar"))[:, None]
    return np.where(
        signs[sign](rows, np.array(case.plain("second_vector", "second", "vector"))), 0, matrix_of(case)
    )


# --- medians ---


@function("weighted_median")
def median(case):
    stake, scores = case.fixed("stake"), case.fixed("score", "scores")
    if case.plain("normalize_stake_first", default=False):
        stake = i32f32.normalise(stake)
    if (minority := case.plain("minority", default=None)) is None:
        minority = i32f32.ONE - case.one("majority")
    else:
        minority = case.one("minority")
    return weighted_median(stake, scores[:, None], minority)[0]


@function("weighted_median_col")
def median_col(case):
    stake, weights = case.fixed("stake"), case.fixed("weights", "score", "scores", "matrix")
    return consensus_of(stake, weights, case.one("majority", "kappa"))


# --- conversions ---

VALUE = ("value", "input", "x", "vector", "values", "inputs")


@function("fixed_to_u16")
def fixed_to_u16(case):
    return np.asarray(np.clip(case.fixed(*VALUE) >> 32, 0, U16_MAX), object)


@function("fixed_to_u64", "vec_fixed32_to_u64", "to_num")
def fixed_to_u64(case):
    return np.asarray(np.maximum(case.fixed(*VALUE) >> 32, 0), object)


@function("fixed64_to_u64", "vec_fixed64_to_u64")
def fixed64_to_u64(case):
    return np.frompyfunc(lambda x: I64F64.floor(I64F64.of(x)), 1, 1)(np.array(case.plain(*VALUE), object))


@function("fixed64_to_fixed32", "vec_fixed64_to_fixed32")
def fixed64_to_fixed32(case):
    values = np.array(case.plain(*VALUE), object)
    return np.asarray(np.frompyfunc(lambda x: I32F32.convert(I64F64.of(x), I64F64), 1, 1)(values), np.int64)


@function("u16_to_fixed", "vec_to_fixed")
def u16_to_fixed(case):
    return case.fixed(*VALUE)


@function("u16_proportion_to_fixed", "vec_u16_proportions_to_fixed")
def u16_proportion_to_fixed(case):
    return i32f32.divide(case.fixed(*VALUE), i32f32.of(U16_MAX))


@function("fixed_proportion_to_u16", "vec_fixed_proportions_to_u16")
def fixed_proportion_to_u16(case):
    return np.asarray(i32f32.to_u16(case.fixed(*VALUE)), object)


def check_liquid_alpha_off(params: Fields, expected: Fields, tolerance: Tolerance) -> None:
    """Check that liquid alpha between equal ends moves bonds as the plain moving average does (dense)."""
    assert expected.take("property") == "result(liquid on) == result(liquid off)", expected.where
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
