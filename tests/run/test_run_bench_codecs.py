"""The comparison of position codes: each returns what it was given, in the bits the theory says."""

import numpy as np
import pytest

from locolab.compress import position_bound
from locolab.run.bench import codecs


def test_every_code_returns_its_positions_in_the_expected_bits():
    result = codecs.measure(parameters=2_000_000, repeats=1)
    found = [row["bits_per_position"] for row in result.rows]
    assert found[:2] == [12.0, 8.0]  # fixed sizes: 12 bits; 6 low bits and 2 * 64 bits of bitmap a chunk
    assert found[2] == pytest.approx(7.5, abs=0.03)  # Golomb-Rice
    assert found[4] == position_bound(4096, 64) < found[3] < found[2]
    assert all(row["encode_mpos_s"] > 0 and row["decode_mpos_s"] > 0 for row in result.rows[:4])


@pytest.mark.parametrize("first", [0, 4032])
def test_sets_at_either_end_of_a_chunk_come_back(first):
    sets = np.tile(np.arange(first, first + 64), (3, 1))
    for codec in codecs.codecs(3, 4096, 64).values():
        assert np.array_equal(codec.decode(codec.encode(sets)), sets)
