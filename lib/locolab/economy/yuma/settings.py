"""The hyperparameters of a subnet that its epochs read."""

from __future__ import annotations

import dataclasses

from locolab.config import Config, ConfigError
from locolab.economy.fixed import U16_MAX, U64_MAX

_LIMITS = {
    "kappa": (0, U16_MAX),
    "tempo": (0, U16_MAX),
    "max_validators": (0, U16_MAX),
    "activity_cutoff": (0, U16_MAX),
    "bonds_moving_average": (0, 1_000_000),
    "bonds_penalty": (0, U16_MAX),
    "alpha_low": (0, U16_MAX),
    "alpha_high": (0, U16_MAX),
    "alpha_sigmoid_steepness": (-(2**15), 2**15 - 1),
    "stake_threshold": (0, U64_MAX),
}


@dataclasses.dataclass(frozen=True)
class YumaSettings(Config):
    """The settings of one subnet, in the chain's units; a value out of range raises ConfigError.

    The defaults are those of the runtime (opentensor/subtensor v3.3.13-393, runtime/src/lib.rs).

    >>> YumaSettings(kappa=70_000)
    Traceback (most recent call last):
    locolab.config.ConfigError: kappa is 70000; it must lie in 0..65535
    """

    kappa: int = 32_767  # share of stake that carries a weight into consensus, of 65535
    tempo: int = 360  # an epoch every tempo + 1 blocks
    max_validators: int = 128  # uids that may hold a permit
    activity_cutoff: int = 5_000  # blocks without new weights after which stake stops counting
    bonds_moving_average: int = 900_000  # part of the old bonds that stays, of a million
    bonds_penalty: int = U16_MAX  # how far weights over consensus lose bonds, of 65535
    yuma3: bool = False  # bonds per validator instead of bonds shared by stake
    liquid_alpha: bool = False  # Yuma 3: a bond's speed depends on its distance from consensus
    alpha_low: int = 45_875  # slowest liquid speed, of 65535
    alpha_high: int = 58_982  # fastest liquid speed, of 65535
    alpha_sigmoid_steepness: int = 1_000  # slope of the liquid speed, in hundredths
    stake_threshold: int = 0  # stake below it counts as none, rao
    commit_reveal: bool = False  # weights are committed first and revealed later

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"{name} is {value}; it must lie in {low}..{high}")
        if self.alpha_low > self.alpha_high:
            raise ConfigError(f"alpha_low {self.alpha_low} is above alpha_high {self.alpha_high}")
