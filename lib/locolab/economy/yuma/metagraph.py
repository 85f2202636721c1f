"""What the chain stores about one subnet, and the calls that change it between epochs."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from locolab.economy import i32f32
from locolab.economy.fixed import U16_MAX, U64_MAX
from locolab.economy.i32f32 import Raw
from locolab.economy.yuma.settings import YumaSettings

NO_COMMIT = 2**63 - 1  # a block that never comes


@dataclasses.dataclass(eq=False)
class Metagraph:
    """A subnet's uids 0..n-1 with stake, permits, weights and bonds, in the forms that the chain stores.

    `stake` is each uid's stake weight in rao (alpha plus the weighted root stake). `owner` is the uid of
    the subnet's owner, the only one whose weight on itself counts. All uids register in block `block`;
    weights set in that same block do not count (the epoch drops weights that are not newer than the miner),
    so advance first. Amounts outside u64, unknown uids and weights that are no finite numbers >= 0 raise
    ValueError.

    >>> metagraph = Metagraph([3, 1, 0, 0])
    >>> metagraph.advance()
    >>> metagraph.set_weights(0, {2: 0.25, 3: 0.75})
    >>> metagraph.weights[0].tolist()
    [0, 0, 21845, 65535]
    """

    stake: Sequence[int]
    settings: YumaSettings = dataclasses.field(default_factory=YumaSettings)
    block: int = 0
    owner: int | None = None
    names: Sequence[str] | None = None

    def __post_init__(self) -> None:
        self.stake = [_amount(uid, value) for uid, value in enumerate(self.stake)]
        n = len(self.stake)
        self.registered = np.full(n, self.block, np.int64)  # block of registration
        self.last_update = np.full(n, self.block, np.int64)  # block of the last weights
        self.commits = np.full(n, NO_COMMIT, np.int64)  # block of the oldest commit not yet revealed
        self.permits = np.zeros(n, bool)
        self.weights = np.zeros((n, n), np.uint16)  # row: who weighs; the row's largest is 65535
        self.listed = np.zeros((n, n), bool)  # pairs that stand in the stored list, with weight 0 too
        self.bonds = np.zeros((n, n), np.uint16)  # row: validator, column: miner
        if self.owner is not None:
            self.uid(self.owner)
        if self.names is not None and len(self.names) != n:
            raise ValueError(f"{len(self.names)} names for {n} uids; give one a uid")

    @property
    def n(self) -> int:
        """Return the number of uids."""
        return len(self.stake)

    def uid(self, uid: int) -> int:
        """Return `uid` as an int, or raise ValueError if the subnet has no such uid."""
        number = operator.index(uid)
        if not 0 <= number < self.n:
            raise ValueError(f"uid {number} is not on this subnet; it has 0..{self.n - 1}")
        return number

    def advance(self, blocks: int = 1) -> None:
        """Let `blocks` blocks pass."""
        if operator.index(blocks) < 0:
            raise ValueError(f"cannot go back by {-blocks} blocks; give a number >= 0")
        self.block += blocks

    def set_stake(self, uid: int, stake: int) -> None:
        """Give `uid` a stake weight of `stake` rao."""
        self.stake = [*self.stake]
        self.stake[self.uid(uid)] = _amount(uid, stake)

    def set_weights(self, uid: int, weights: Mapping[int, float]) -> None:
        """Replace the weights of `uid`: miner -> number >= 0, scaled so that the largest becomes 65535.

        The chain keeps a weight of 0 in the list. Weights of a uid without a permit do not enter consensus.
        """
        row, miners = self.uid(uid), [self.uid(miner) for miner in weights]
        scaled = _scaled([*weights.values()], uid)
        self.weights[row], self.listed[row] = 0, False
        self.weights[row, miners] = scaled
        self.listed[row, miners] = True
        self.last_update[row] = self.block

    def replace_uid(self, uid: int, stake: int = 0) -> None:
        """Register a new hotkey in the place of `uid`: its weights and bonds go, weights on it become 0.

        The permit and the block of the last weights stay with the uid (S/subnets/uids.rs at v3.3.13-393).
        """
        uid = self.uid(uid)
        self.weights[uid], self.listed[uid], self.bonds[uid] = 0, False, 0
        self.weights[:, uid] = 0
        self.registered[uid] = self.block
        self.set_stake(uid, stake)

    def reset_bonds(self, uid: int) -> None:
        """Clear every validator's bond to `uid`."""
        self.bonds[:, self.uid(uid)] = 0

    def commit(self, uid: int) -> None:
        """Note that `uid` has committed weights in this block; an older open commit stays the oldest."""
        uid = self.uid(uid)
        self.commits[uid] = min(int(self.commits[uid]), self.block)

    def reveal(self, uid: int) -> None:
        """Forget the open commits of `uid`, which it has revealed or which have expired."""
        self.commits[self.uid(uid)] = NO_COMMIT


def upscale(raw: Raw) -> NDArray[np.uint16]:
    """Return I32F32 numbers >= 0 scaled so that the largest becomes 65535, rounded.

    Above 32768 the scale is divided first, as the product would leave the range (S/epoch/math.rs).

    >>> upscale(i32f32.of([0, 0.5, 1, 32768, 32769])).tolist()
    [0, 1, 2, 65533, 65535]
    """
    largest = int(raw.max(initial=0))
    if not largest:
        return np.zeros(raw.shape, np.uint16)
    top = i32f32.of(U16_MAX)
    if largest > 32_768 << 32:
        scaled = i32f32.multiply(raw, i32f32.divide(top, largest))
    else:
        scaled = i32f32.divide(i32f32.multiply(raw, top), largest)
    return np.clip((scaled + (1 << 31)) >> 32, 0, U16_MAX).astype(np.uint16)


def _scaled(weights: ArrayLike, uid: int) -> NDArray[np.uint16]:
    """Return weights as the chain stores them; integers up to 65535 take its own path, bit for bit."""
    values = np.asarray(weights)
    if values.size == 0:
        return np.zeros(0, np.uint16)
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all() or values.min() < 0:
        raise ValueError(f"weights of uid {uid} must be finite numbers >= 0, not {values.tolist()}")
    if values.dtype.kind == "f" or values.max() > U16_MAX:
        values = values / max(float(values.max()), np.finfo(float).tiny)
    return upscale(i32f32.of(values))


def _amount(uid: int, value: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"the stake of uid {uid} is {value!r}; give whole rao") from None
    if not 0 <= number <= U64_MAX:
        raise ValueError(f"the stake of uid {uid} is {number} rao; it must lie in 0..{U64_MAX}")
    return number
