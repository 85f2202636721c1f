"""What all tests share: one thread each, and the notebooks' smoke run on one worker from the first moment."""

from __future__ import annotations

import os

import pytest

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # two workers share two cores; read when numpy and torch are imported


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the smoke tests together on one worker, and first: they are one long run with many questions."""
    for item in items:
        if item.get_closest_marker("smoke"):
            item.add_marker(pytest.mark.xdist_group("smoke"))
    items.sort(key=lambda item: item.get_closest_marker("smoke") is None)
