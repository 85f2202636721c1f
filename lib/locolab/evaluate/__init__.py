"""Is the model any good: multiple choice scored by lm-eval in this process, controls, bits per byte.

Importing this room is quick; lm-eval is imported when something is scored.
"""

from locolab.evaluate.card import WORDING, Evaluation, accuracy
from locolab.evaluate.control import CONTROL_NAME, load_control
from locolab.evaluate.floors import constant_letter, random_guess
from locolab.evaluate.score import bits_per_byte, evaluate
from locolab.evaluate.suites import SUITES, draw_sample, questions_of

__all__ = [
    "CONTROL_NAME",
    "SUITES",
    "WORDING",
    "Evaluation",
    "accuracy",
    "bits_per_byte",
    "constant_letter",
    "draw_sample",
    "evaluate",
    "load_control",
    "questions_of",
    "random_guess",
]
