"""Pretrained transformers models from a local folder or by hub id."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kgzsl.errors import ConfigError, Problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["load_pretrained"]


def load_pretrained(source: str | Path, *, what: str) -> tuple[PreTrainedModel, frozenset[str]]:
    """A model of any kind that transformers knows, and the names of weights that the source lacks.

    Nothing is executed from the source: safetensors weights, and no remote code.

    Args:
        source: a folder or a hub id.
        what: what it is to be, for the message.

    Raises:
        ConfigError: not a folder that transformers reads, or a hub id that cannot be had.
    """
    from safetensors import SafetensorError
    from transformers import AutoModel

    try:
        with _quiet():
            model, loading = AutoModel.from_pretrained(
                source, use_safetensors=True, trust_remote_code=False, output_loading_info=True
            )
    except (OSError, RuntimeError, SafetensorError, ValueError) as error:
        expected = "a transformers folder (config.json, model.safetensors) or a hub id"
        got = f"no {what} at {source} ({error})"
        raise ConfigError(Problem(got, expected=expected, fix="check the path")) from error
    return model, frozenset(loading["missing_keys"])


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
