"""Training together: peers, the loop that joins them, and runs that are cached and resume."""

from locolab.train.arm import Arm
from locolab.train.evaluation import evaluate
from locolab.train.flat import FlatModel, reproducible
from locolab.train.inner import learning_rate
from locolab.train.payload import DenseUpdate, Update, Wire, wire_for
from locolab.train.peer import Peer
from locolab.train.records import RoundRecord
from locolab.train.roster import Roster, Schedule
from locolab.train.runs import RunResult, directory_of, is_cached, run, run_many
from locolab.train.spec import TrainSpec
from locolab.train.swarm import Swarm
from locolab.train.validator import Submissions, TrustingValidator, Validator

__all__ = [
    "Arm",
    "DenseUpdate",
    "FlatModel",
    "Peer",
    "Roster",
    "RoundRecord",
    "RunResult",
    "Schedule",
    "Submissions",
    "Swarm",
    "TrainSpec",
    "TrustingValidator",
    "Update",
    "Validator",
    "Wire",
    "directory_of",
    "evaluate",
    "is_cached",
    "learning_rate",
    "reproducible",
    "run",
    "run_many",
    "wire_for",
]
