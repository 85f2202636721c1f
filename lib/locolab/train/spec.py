"""`TrainSpec`: everything that decides a run's bytes, checked at construction."""

from __future__ import annotations

import dataclasses

from locolab.compress import CompressionSpec
from locolab.compress.aggregation import CLIPS, RULES
from locolab.config import Config, ConfigError, added
from locolab.corpus import CorpusSpec
from locolab.model import PRESETS, ModelSpec

METHODS = ("adamw_dp", "averaging", "diloco", "sparseloco")
SELECTIONS = ("magnitude", "random")

_AT_LEAST_ONE = ("n_peers", "local_steps", "rounds", "batch", "threads", "evaluate_every", "checkpoint_every")
_POSITIVE = ("inner_lr", "clip", "outer_lr")


@dataclasses.dataclass(frozen=True)
class TrainSpec(Config):
    """One training run: the method, the model, the text, the swarm and its seed.

    In the papers' letters: `n_peers` is R, `local_steps` H, `outer_lr` alpha. Defaults are a run of one and
    a half minutes on one core.

    - `method`: ``adamw_dp`` averages gradients at every inner step (one AdamW, the baseline); ``averaging``
      averages parameters every `local_steps`; ``diloco``: arXiv 2311.08105; ``sparseloco``: arXiv 2603.08163.
    - `preset`: a name of `locolab.model.PRESETS`; its vocabulary is the corpus's.
    - `start`: a pretrained model (`corpus.pretrained`) whose weights the run starts from, and whose tokenizer
      the corpus must have; without one they are drawn from `seed`. `context`: tokens of a window, 0 for the
      preset's.
    - `batch`: sequences per peer and inner step; `warmup`: share of all inner steps; `final_lr`: share of
      `inner_lr` reached at the end of the cosine.
    - `rule`, `norm_clip`: how `compress.aggregate` combines payloads; `selection`: ``random`` is the control.
    - `evaluate_every`, `checkpoint_every`: rounds; `keep_deltas`: how many of peer 0's first pseudo-gradients
      are stored.

    >>> TrainSpec(method="sparseloco")
    Traceback (most recent call last):
    locolab.config.ConfigError: TrainSpec: method 'sparseloco' needs compression=CompressionSpec(...)
    >>> TrainSpec(local_steps=15, rounds=2, batch=4).tokens_per_round
    30720
    """

    method: str = "averaging"
    preset: str = "nano"
    corpus: CorpusSpec = dataclasses.field(default_factory=CorpusSpec)
    n_peers: int = 4
    local_steps: int = 15
    rounds: int = 53
    batch: int = 4
    inner_lr: float = 4e-3
    warmup: float = 0.05
    final_lr: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.1
    clip: float = 1.0
    outer_lr: float = 1.0
    outer_momentum: float = 0.0
    nesterov: bool = False
    compression: CompressionSpec | None = None
    selection: str = "magnitude"
    rule: str = "mean"
    norm_clip: str | None = None
    seed: int = 0
    threads: int = 1
    evaluate_every: int = 10
    evaluate_sequences: int = 128
    checkpoint_every: int = 10
    keep_deltas: int = 0
    start: str = added("")
    context: int = added(0)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_names()
        self._check_ranges()
        self._check_method()

    @property
    def model(self) -> ModelSpec:
        """The preset with the corpus's vocabulary and the windows of the run."""
        preset = PRESETS[self.preset]
        return preset.replace(vocab_size=self.corpus.vocab_size, context=self.context or preset.context)

    @property
    def exchanges(self) -> int:
        """How often per round the peers exchange something: every inner step, or once."""
        return self.local_steps if self.method == "adamw_dp" else 1

    @property
    def total_steps(self) -> int:
        """Inner steps of one peer over the whole run."""
        return self.rounds * self.local_steps

    @property
    def tokens_per_round(self) -> int:
        """Tokens that all peers train on together in a round."""
        return self.n_peers * self.local_steps * self.batch * self.model.context

    def _check_names(self) -> None:
        known: dict[str, tuple[object, ...]] = {
            "method": METHODS,
            "preset": tuple(PRESETS),
            "selection": SELECTIONS,
            "rule": RULES,
            "norm_clip": CLIPS,
        }
        for name, values in known.items():
            self._require(name, getattr(self, name) in values, f"one of {', '.join(map(repr, values))}")
        self._require("corpus", isinstance(self.corpus, CorpusSpec), "a CorpusSpec")
        sparse = self.compression is None or isinstance(self.compression, CompressionSpec)
        self._require("compression", sparse, "a CompressionSpec or None")
        if self.start not in ("", self.corpus.tokenizer):
            raise ConfigError(
                f"TrainSpec.start={self.start!r} knows only its own tokens; "
                f"give the corpus tokenizer={self.start!r} too, not {self.corpus.tokenizer!r}"
            )

    def _check_ranges(self) -> None:
        for name in _AT_LEAST_ONE:
            self._require(name, getattr(self, name) >= 1, "at least 1")
        for name in _POSITIVE:
            self._require(name, 0 < getattr(self, name) < float("inf"), "positive and finite")
        for name in ("keep_deltas", "seed", "context"):
            self._require(name, getattr(self, name) >= 0, "at least 0")
        self._require("evaluate_sequences", self.evaluate_sequences >= 1, "at least 1")
        self._require("warmup", 0 <= self.warmup < 1, "in [0, 1), a share of all inner steps")
        self._require("final_lr", 0 <= self.final_lr <= 1, "in [0, 1], a share of inner_lr")
        self._require("weight_decay", 0 <= self.weight_decay < float("inf"), "at least 0 and finite")
        self._require("outer_momentum", 0 <= self.outer_momentum < 1, "in [0, 1)")
        two = len(self.betas) == 2 and all(0 <= beta < 1 for beta in self.betas)
        self._require("betas", two, "two numbers in [0, 1)")
        if self.nesterov and not self.outer_momentum:
            raise ConfigError("TrainSpec.nesterov needs outer_momentum above 0")

    def _check_method(self) -> None:
        if self.method == "sparseloco":
            if self.compression is None:
                raise ConfigError("TrainSpec: method 'sparseloco' needs compression=CompressionSpec(...)")
            return
        self._leave_alone("compression", "selection", "rule", "norm_clip")
        if self.method == "averaging":
            self._leave_alone("outer_lr", "outer_momentum", hint="; with an outer optimiser it is 'diloco'")
        if self.method == "adamw_dp":
            self._leave_alone("outer_lr", "outer_momentum", "keep_deltas")

    def _leave_alone(self, *names: str, hint: str = "") -> None:
        """Refuse fields that the method does not read: two hashes would name one run."""
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        for name in names:
            if getattr(self, name) != defaults[name]:
                raise ConfigError(
                    f"TrainSpec.{name}={getattr(self, name)!r} has no meaning for method {self.method!r}; "
                    f"leave it at {defaults[name]!r}{hint}"
                )

    def _require(self, name: str, holds: bool, what: str) -> None:
        if not holds:
            raise ConfigError(f"TrainSpec.{name} should be {what}, got {getattr(self, name)!r}")
