"""The functions of the chain's epoch arithmetic (S/epoch/math.rs) that vectors ask for, by their names."""

import operator
import re

import numpy as np

from chain_checks.yuma_math import function, matrix_of
from locolab.economy import i32f32
from locolab.economy.fixed import I32F32, I64F64, U16_MAX, U64_MAX
from locolab.economy.yuma.bonds import moving_average
from locolab.economy.yuma.consensus import consensus_of, top_permits, weighted_median
from locolab.economy.yuma.metagraph import upscale

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

FIRST, SECOND = ("mat1", "a", "matrix1", "left"), ("mat2", "b", "matrix2", "right")


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
    return i32f32.multiply(case.fixed(*FIRST), case.fixed(*SECOND))


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
    first, second = case.fixed(*FIRST), case.fixed(*SECOND)
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
    sign = re.search("==|<=|>=|<|>", case.plain("mask_fn", "condition", "mask_if", "mask"))[0]
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
    return consensus_of(stake, weights[: len(stake)], case.one("majority", "kappa"))


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
