"""Texts as tokens: from the data packages (or your own files) to sample ids that anybody can re-derive."""

from locolab.corpus import packages
from locolab.corpus.assignment import assignment_seed, n_samples, pool_ids, sample_ids, samples
from locolab.corpus.packages import MissingPackage
from locolab.corpus.store import Corpus, CorpusSpec, baselines, fingerprint, load

__all__ = [
    "Corpus",
    "CorpusSpec",
    "MissingPackage",
    "assignment_seed",
    "baselines",
    "fingerprint",
    "load",
    "n_samples",
    "packages",
    "pool_ids",
    "sample_ids",
    "samples",
]
