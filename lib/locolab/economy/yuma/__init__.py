"""Yuma consensus: how a subnet turns its validators' weights into incentive, dividends and rao.

Rules of opentensor/subtensor v3.3.13-393 (2026-03-25), Yuma 2 and 3 with liquid alpha, exact to the bit.
"""

from locolab.economy.yuma.epoch import EpochResult, epoch, run_epoch
from locolab.economy.yuma.history import run_epochs
from locolab.economy.yuma.metagraph import Metagraph
from locolab.economy.yuma.sample import random_metagraph
from locolab.economy.yuma.settings import YumaSettings

__all__ = ["EpochResult", "Metagraph", "YumaSettings", "epoch", "random_metagraph", "run_epoch", "run_epochs"]
