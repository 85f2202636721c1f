"""Decoders that do what the fuzz command has to notice; a module, so that its child process can import it."""

import os
import time

import numpy as np

from locolab.compress import PayloadError, decode


class Panic(BaseException):
    """As a Rust library's panic reaches Python: no Exception."""


def raises_key_error(blob, shapes, spec):
    raise KeyError("frequencies")


def panics(blob, shapes, spec):
    raise Panic("index out of bounds")


def hangs(blob, shapes, spec):
    time.sleep(600)


def dies(blob, shapes, spec):
    os._exit(9)


def hoards(blob, shapes, spec):
    np.ones(10**6)
    raise PayloadError("too late")


def accepts_other_bytes(blob, shapes, spec):
    return decode(bytes(accepts_other_bytes.honest), shapes, spec)
