"""The swarm as processes: peers that know a bucket and nothing else, and who starts and watches them."""

from locolab.run.engines.board import Board
from locolab.run.engines.coordinator import Coordinator
from locolab.run.engines.engine import Engine, InProcess
from locolab.run.engines.processes import Processes
from locolab.run.engines.replica import Replica, digest
from locolab.run.engines.spilled import spilled
from locolab.run.engines.worker import Worker

__all__ = [
    "Board",
    "Coordinator",
    "Engine",
    "InProcess",
    "Processes",
    "Replica",
    "Worker",
    "digest",
    "spilled",
]
