"""Leaves the GPU kernels out of the doctests where Triton, which is for Linux only, is not installed."""

import importlib.util

collect_ignore = [] if importlib.util.find_spec("triton") else ["locolab/compress/kernels/triton_kernels.py"]
