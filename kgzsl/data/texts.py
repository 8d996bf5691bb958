"""Texts as states of a frozen language model, cached on disk."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kgzsl.data.cache import cache_folder
from kgzsl.data.pretrained import language_model, load_pretrained, longest_text, not_there
from kgzsl.errors import ConfigError, Problem, full_disk_said
from kgzsl.ontology.whole import whole_file

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["TextModel", "load_text_model", "text_states", "token_counter"]

Progress = Callable[[int, int], None]
BATCH = 64
"""Texts at a time."""
PART = 4096
"""Texts in one file of the cache: so many are lost at most when a computation is killed."""


def text_states(
    texts: Sequence[str],
    source: str | Path | TextModel,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Mean states of a frozen language model over the tokens of each text, of unit length.

    The cache holds every text under the model's weights, configuration and tokenizer; what it lacks is computed, and
    a text has the same bits thereafter, whatever others it comes with. A damaged file of it is computed again, and a
    killed computation goes on where it stopped.

    Source: mean pooling as in Reimers and Gurevych, "Sentence-BERT", EMNLP 2019, section 3.

    Args:
        texts: in any order, with repetitions; those longer than the model reads are cut.
        source: a transformers folder, a hub id, or ``minilm`` (:func:`~kgzsl.data.pretrained.language_model`), or
            what :func:`load_text_model` made of it, where it is asked many times.
        cache: its folder; by default that of :func:`~kgzsl.data.cache.cache_folder`.
        progress: called with (texts done, texts to do), where some are to be computed.

    Returns:
        float32 ``(text, dim)``.

    Raises:
        ConfigError: no such model, one that reads more than texts, or states that are no numbers.
        FailureError: the disk is full; what was computed is kept.
    """
    model = source if isinstance(source, TextModel) else load_text_model(source)
    keys = [hashlib.sha256(text.encode()).digest() for text in texts]
    wanted = dict(zip(keys, texts, strict=True))
    folder = (cache or cache_folder()) / "texts" / f"{model.name}-{model.digest[:16]}"
    known = _read(folder, wanted)
    missing = sorted(((model.tokens(text), key) for key, text in wanted.items() if key not in known), key=_by_length)
    with full_disk_said(folder, fix="make room, or set KGZSL_CACHE to a folder on another disk; what is done is kept"):
        for start in range(0, len(missing), PART):
            part = missing[start : start + PART]
            states = np.empty((len(part), model.dim), dtype=np.float32)
            for done, rows in _batches([len(tokens) for tokens, _ in part]):
                states[rows] = model.states([part[row][0] for row in rows])
                if progress:
                    progress(start + done, len(missing))
            found = {key: state for (_, key), state in zip(part, states, strict=True)}
            _write(folder, found)
            known |= found
    return np.stack([known[key] for key in keys]) if keys else np.empty((0, model.dim), dtype=np.float32)


def token_counter(source: str | Path) -> Callable[[str], int]:
    """How many tokens a text has for a language model, special ones included.

    Raises:
        ConfigError: there is no such model.
    """
    tokenizer = _tokenizer(language_model(source))
    return lambda text: len(tokenizer(text)["input_ids"])


def _by_length(one: tuple[list[int], bytes]) -> tuple[int, bytes]:
    """Short texts first; of the same length in an order of their own."""
    tokens, key = one
    return len(tokens), key


def _batches(lengths: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
    """Rows of texts of one length, so that nothing is padded, with how many there have been by then."""
    groups: dict[int, list[int]] = defaultdict(list)
    for row, length in enumerate(lengths):
        groups[length].append(row)
    done = 0
    for rows in groups.values():
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            done += len(batch)
            yield done, batch


# ---- the model -----------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class TextModel:
    """A frozen text model with its tokenizer.

    Args:
        module: in evaluation mode.
        tokenizer: its own.
        name: the folder's name or the hub id.
        digest: sha256 over weights, configuration and tokenizer.
    """

    module: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    name: str
    digest: str

    @property
    def dim(self) -> int:
        """Width of the states."""
        return int(self.module.config.hidden_size)

    def tokens(self, text: str) -> list[int]:
        """Token ids, as many as are read."""
        return list(self.tokenizer(text, truncation=True, max_length=self.limit)["input_ids"])

    @property
    def limit(self) -> int:
        """The longest text that is read whole, in tokens, special ones included."""
        return min(self.tokenizer.model_max_length, longest_text(self.module))

    def pooled(self, words: Tensor) -> Tensor:
        """Mean states of unit length, float32 ``(text, dim)``, of texts with the same number of tokens.

        Args:
            words: token ids ``(text, token)``, or embeddings ``(text, token, width)`` in their place.
        """
        import torch
        import torch.nn.functional as F

        mask = torch.ones(words.shape[:2], dtype=torch.int64, device=words.device)
        read = {"inputs_embeds" if words.is_floating_point() else "input_ids": words}
        return F.normalize(self.module(**read, attention_mask=mask).last_hidden_state.float().mean(1), dim=1)

    def states(self, texts: Sequence[Sequence[int]]) -> np.ndarray:
        """The same of lists of token ids, as an array."""
        import torch

        with torch.inference_mode():
            states = self.pooled(torch.tensor(texts, device=self.module.device)).cpu().numpy()
        if not np.isfinite(states).all():
            raise ConfigError(Problem(f"{self.name} gives states that are no numbers", fix="take another text model"))
        return states


def load_text_model(source: str | Path) -> TextModel:
    """A model and its tokenizer, on the GPU where there is one.

    Raises:
        ConfigError: there is none, or it reads more than texts.
    """
    import torch

    source = language_model(source)
    module, fresh = load_pretrained(source, what="text model")
    tokenizer = _tokenizer(source)
    reads = getattr(module, "main_input_name", None) == "input_ids"
    if not reads or not hasattr(module.config, "max_position_embeddings") or not tokenizer.is_fast:
        got = f"{source} is a {type(module).__name__}, which does not read texts alone"
        raise ConfigError(Problem(got, expected="a text model such as BERT", fix="take another text model"))
    config = {k: v for k, v in module.config.to_dict().items() if k not in ("_name_or_path", "transformers_version")}
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
    digest.update(tokenizer.backend_tokenizer.to_str().encode())
    for key, value in sorted(module.state_dict().items()):
        if key not in fresh:
            digest.update(key.encode())
            digest.update(value.numpy().tobytes())
    module.eval().requires_grad_(False).to("cuda" if torch.cuda.is_available() else "cpu")
    return TextModel(module, tokenizer, Path(source).name, digest.hexdigest())


def _tokenizer(source: str | Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a model.

    Raises:
        ConfigError: there is none.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(source, use_fast=True, trust_remote_code=False)
        if len(tokenizer) <= len(tokenizer.all_special_ids):  # what transformers makes of a folder that has none
            raise ValueError("it has no words")
    except Exception as error:  # the tokenizers library raises bare Exception on a damaged file
        raise ConfigError(not_there(source, "tokenizer", error)) from error
    return tokenizer


# ---- the cache -----------------------------------------------------------------------
# Files of states, each called by the SHA-256 of its content: what is damaged does not have its name.


def _read(folder: Path, wanted: dict[bytes, str]) -> dict[bytes, np.ndarray]:
    """The states that the cache has of some texts (by their digests), float32 ``(dim,)`` each."""
    from safetensors.numpy import load

    known: dict[bytes, np.ndarray] = {}
    for file in sorted(folder.glob("[0-9a-f]*.safetensors")):
        content = file.read_bytes()
        if hashlib.sha256(content).hexdigest() != file.stem:
            file.unlink(missing_ok=True)
            continue
        part = load(content)
        for key, state in zip(part["texts"], part["states"], strict=True):
            if key.tobytes() in wanted:
                known.setdefault(key.tobytes(), state)
    return known


def _write(folder: Path, states: dict[bytes, np.ndarray]) -> None:
    """Add a file to the cache."""
    from safetensors.numpy import save

    texts = np.frombuffer(b"".join(states), dtype=np.uint8).reshape(len(states), -1)
    content = save({"texts": texts, "states": np.stack(list(states.values()))})
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / f"{hashlib.sha256(content).hexdigest()}.safetensors", force=True) as working:
        working.write_bytes(content)
