"""Texts that vectors carry in place of numbers: formulas, percentages, the names of limits and of errors."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Mapping
from typing import Any


class VectorError(AssertionError):
    """A vector says something that its checker does not understand."""


OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
FUNCTIONS = {"floor": math.floor, "ceil": math.ceil, "abs": abs, "min": min, "max": max, "round": round}
NAMED = {"MAX": 2**64 - 1, "u64::MAX": 2**64 - 1, "U64_MAX": 2**64 - 1}


def number(value: Any, where: str = "a vector") -> int | float:
    """Return a JSON number, a text of digits, or the text of a named limit as a number."""
    if isinstance(value, str):
        if value in NAMED:
            return NAMED[value]
        if re.fullmatch(r"-?[\d_]+", value):
            return int(value)
        raise VectorError(f"{where}: {value!r} is no number that this checker knows")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise VectorError(f"{where}: {value!r} is no number")
    return value


def evaluate(text: str, names: Mapping[str, Any]) -> int | float:
    """Return the value of an arithmetic formula over `names`; anything but arithmetic is a VectorError.

    >>> evaluate("floor(amount*33/65535) + 1", {"amount": 65535})
    34
    """
    try:
        return _value(ast.parse(text.strip(), mode="eval").body, names)
    except SyntaxError:
        raise VectorError(f"{text!r} is no formula that this checker knows") from None


def _value(node: ast.expr, names: Mapping[str, Any]) -> int | float:
    match node:
        case ast.Constant(value=int() | float()):
            return number(node.value)
        case ast.Name(id=name) if name in names:
            return number(names[name], name)
        case ast.BinOp() if type(node.op) in OPERATORS:
            return OPERATORS[type(node.op)](_value(node.left, names), _value(node.right, names))
        case ast.UnaryOp(op=ast.USub()):
            return -_value(node.operand, names)
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in FUNCTIONS:
            return FUNCTIONS[name](*(_value(argument, names) for argument in node.args))
    raise VectorError(f"{ast.unparse(node)!r} is unknown in a formula; there is {', '.join(map(str, names))}")


def allowance(form: Any, expected: float, got: float, names: Mapping[str, Any]) -> float:
    """Return the absolute tolerance that `form` means: a number, a formula, "1 %", {"rel": x}, {"abs": x}.

    A formula may go on with " around " and words about what is expected, which say nothing of the size.

    >>> allowance("expected_out // 100", 3990, 3989, {"expected_out": 3990})
    39
    >>> allowance("amount // 10 around amount", 5, 5, {"amount": 100})
    10
    """
    if isinstance(form, Mapping) and len(form) == 1:
        ((kind, value),) = form.items()
        if kind in ("rel", "relative", "rel_tol"):
            return number(value) * max(abs(expected), abs(got))
        if kind in ("abs", "abs_tol", "epsilon"):
            return allowance(value, expected, got, names)
    if isinstance(form, str):
        if percent := re.fullmatch(r"([\d.]+)\s*%", form.strip()):
            return float(percent[1]) / 100 * max(abs(expected), abs(got))
        text = form.split(" around ")[0].replace("|", "")
        known = {"expected": expected, "v": expected, "actual": got}
        if word := re.match(r"expected_\w+", text.strip()):
            known[word[0]] = expected
        return abs(evaluate(text, {**known, **names}))
    return number(form, "a tolerance")
