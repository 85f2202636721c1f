"""Colours stay apart for every reader, shapes are unique, bytes are binary, labels do not collide."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locolab.report import style

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
VISION = {
    "full": np.eye(3),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> np.ndarray:
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    x, y, z = (
        np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116
        for v in TO_XYZ @ np.clip(rgb, 0, 1) / [0.9505, 1, 1.089]
    )
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", VISION)
def test_method_colours_differ_under_each_vision(vision):
    seen = {name: lab(VISION[vision] @ linear(m.colour)) for name, m in style.METHODS.items()}
    for a, b in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[a] - seen[b]) > 15, (a, b)


def test_method_colours_read_on_white():
    for name, method in style.METHODS.items():
        luminance = (TO_XYZ @ linear(method.colour))[1]
        assert 1.05 / (luminance + 0.05) >= 3, name  # WCAG 2.1, 1.4.11, graphical objects


def test_markers_and_shapes_are_unique():
    assert len({m.marker for m in style.METHODS.values()}) == len(style.METHODS)
    assert len({m.shape for m in style.VERDICTS.values()}) == len(style.VERDICTS)
    assert len({(m.marker, m.filled) for m in style.VERDICTS.values()}) == len(style.VERDICTS)


def test_new_figures_have_the_house_size_and_binary_ticks():
    figure, axes = style.new_figure()
    assert tuple(figure.get_size_inches()) == (5.5, 3.2)
    axes.plot([2**12, 2**22], [0, 1])
    style.byte_axis(axes)
    figure.draw_without_rendering()
    texts = [t.get_text() for t in axes.get_xticklabels()]
    assert "64 KiB" in texts or "32 KiB" in texts
    assert all(t.endswith(" B") or "iB" in t for t in texts)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_labels_keep_their_order_and_distance(heights):
    heights = sorted(heights)
    placed = style._spread(heights, 0.06)
    assert len(placed) == len(heights)
    assert all(b - a >= 0.06 - 1e-6 for a, b in itertools.pairwise(placed))


def test_labels_far_apart_do_not_move():
    assert style._spread([0.1, 0.5, 0.9], 0.06) == [0.1, 0.5, 0.9]
