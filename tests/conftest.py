"""What all tests share: one thread each, and the notebooks' smoke run from the first moment."""

from __future__ import annotations

import os

import pytest

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # two workers share two cores; read when numpy and torch are imported


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the smoke run first: it is the longest file, and a worker that begins it late ends late."""
    items.sort(key=lambda item: item.get_closest_marker("smoke") is None)
