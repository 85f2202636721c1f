"""One block for all subnets at once, in float64: the arithmetic under `simulate`."""

from __future__ import annotations

import numpy as np

from locolab.economy import shares
from locolab.economy.fixed import I64F64, I96F32, U16_MAX
from locolab.economy.issuance import block_emission, halving_threshold
from locolab.economy.rules import Rules
from locolab.economy.split import OWNER_CUT_U16
from locolab.economy.subnets import Array, Subnets
from locolab.economy.units import RAO

FLOW_WEIGHT = I64F64.to_float(shares.FLOW_SMOOTHING)
PRICE_WEIGHT = I96F32.to_float(shares.PRICE_SMOOTHING)
OWNER_CUT = OWNER_CUT_U16 / U16_MAX
THRESHOLDS = np.array([halving_threshold(count) / RAO for count in range(1, 33)])
EMISSIONS = np.array([block_emission(halving_threshold(count)) / RAO for count in range(33)])


class BlockStep:
    """The state of a simulation and what moves it on by one block.

    Blocks follow the chain's order (subtensor, run_coinbase.rs and block_step.rs at v3.3.13-393): `emit`,
    then `trade`. The totals since the start are documented at `simulation.History`.
    """

    def __init__(self, start: Subnets, rules: Rules, issuance_tao: float, weighted_root_tao: float) -> None:
        self.rules, self.issuance_tao, self.weighted_root_tao = rules, issuance_tao, weighted_root_tao
        self.tao, self.alpha = start.tao_pool.copy(), start.alpha_pool.copy()
        self.outside, self.age = start.alpha_outside.copy(), start.age_blocks.copy()
        self.price_ema, self.flow_ema = start.price_ema.copy(), start.flow_ema.copy()
        self.block, self._check_at = 0, 0
        self.flow, self.share, self.tao_emission = (np.zeros(len(start)) for _ in range(3))
        self.staked, self.injected, self.bought, self.root_alpha, self.root_tao = (
            np.zeros(len(start)) for _ in range(5)
        )
        self._emissions_due()

    def emit(self) -> None:
        """Issue one block's TAO and alpha."""
        if self.block >= self._check_at:
            self._emissions_due()
        self.block += 1
        self._share_out()
        self._inject()
        self._pay_out()
        self.age += 1
        weight = PRICE_WEIGHT * self.age / (self.age + shares.PRICE_RAMP_BLOCKS)
        self.price_ema += weight * (np.minimum(self.tao / self.alpha, 1) - self.price_ema)

    def trade(self, flow: Array) -> None:
        """Let stakers pay `flow` TAO into the pools, net of fees; negative: take out at most all there is."""
        self.flow = flow if flow.min() >= 0 else np.maximum(flow, -self._withdrawable())
        outside = self.outside + self.alpha
        self._move(self.flow)
        np.maximum(outside - self.alpha, 0, out=self.outside)  # the last sale may round below zero
        self.staked += self.flow

    def _emissions_due(self) -> None:
        """Set the emission of TAO and of each alpha, and the block at which one of them may halve next."""
        issued = np.append(self.alpha + self.outside, self.issuance_tao)
        passed = np.searchsorted(THRESHOLDS, issued, side="right")
        self.alpha_emission, self.tao_block_emission = EMISSIONS[passed[:-1]], EMISSIONS[passed[-1]]
        most = 2 * EMISSIONS[0]  # no issuance grows faster, so nothing halves before this block
        missing = np.append(THRESHOLDS, np.inf)[passed] - issued
        self._check_at = self.block + int(max(missing.min() / most, 1))
        self._payable = self.alpha_emission * (1 - OWNER_CUT)

    def _share_out(self) -> None:
        """Set each subnet's share of the TAO emission and count what is issued."""
        if self.rules.shares == "flow":
            self.flow_ema += FLOW_WEIGHT * (self.flow - self.flow_ema)
            weight = np.maximum(self.flow_ema, 0)
        else:
            weight = self.price_ema
        total = np.add.reduce(weight)
        if total > 0:
            self.share = weight / total
            self.issuance_tao += self.tao_block_emission
        else:
            self.share = np.zeros_like(weight)
        self.tao_emission = self.tao_block_emission * self.share

    def _inject(self) -> None:
        """Put TAO and alpha into the pools at their price; buy and remove alpha with TAO above the cap."""
        price = self.tao / self.alpha
        tao_in = np.minimum(self.tao_emission, self._cap() * price)
        self.alpha += tao_in / price
        if self.rules.cap == "keep-tao":
            self.tao += self.tao_emission
            self.injected += self.tao_emission
            return
        self.tao += tao_in
        self.injected += tao_in
        self._excess = self.tao_emission - tao_in
        self._move(self._excess)
        self.bought += self._excess
        if not self.rules.counts_purchases:
            self.issuance_tao -= float(self._excess.sum())

    def _cap(self) -> Array | float:
        """Return the most alpha that may be put into each pool this block."""
        if self.rules.cap == "subsidy":
            return self.tao_block_emission
        if self.rules.cap == "block-emission":
            return np.minimum(self.alpha_emission, self.tao_block_emission)
        return self.alpha_emission

    def _pay_out(self) -> None:
        """Create the alpha of owner, miners, validators and root stakers."""
        self.outside += self.alpha_emission
        if not self.weighted_root_tao:
            return
        issued = self.alpha + self.outside
        part = self.weighted_root_tao / (self.weighted_root_tao + issued) * self._payable / 2
        if self.rules.root_dividends == "claimable":
            if np.add.reduce(self.price_ema) > 1:
                self.root_alpha += part
            else:
                self.outside -= part
            return
        if self.rules.root_dividends == "sold-unless-subsidised":
            part = np.where(self._excess > 0, 0, part)
        before, product = self.tao.copy(), self.tao * self.alpha
        self.outside -= part
        self.alpha += part
        np.divide(product, self.alpha, out=self.tao)
        self.root_tao += before - self.tao

    def _move(self, tao: Array) -> None:
        """Add `tao` to the pools' TAO and change their alpha so that the products stay the same."""
        product = self.tao * self.alpha
        self.tao += tao
        np.divide(product, self.tao, out=self.alpha)

    def _withdrawable(self) -> Array:
        return self.tao * self.outside / (self.alpha + self.outside)
