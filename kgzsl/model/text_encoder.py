"""Words to text states: a BERT over the ontology's own vocabulary, or any masked language model of transformers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kgzsl.data.pretrained import language_model, load_pretrained, longest_text, not_there, untrained
from kgzsl.errors import ConfigError, Problem
from kgzsl.model.config import ModelConfig
from kgzsl.model.tuning import rest, tune

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["TextEncoder", "WordHead", "build_tokenizer", "load_tokenizer", "tokenize"]

ROLES = {f"{role}_token": f"[{role.upper()}]" for role in ("pad", "unk", "cls", "sep", "mask")}
SPECIAL = tuple(ROLES.values())


def build_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerBase:
    """A WordPiece tokenizer whose vocabulary is every word of the texts, and their letters.

    Words that were not in the texts (of classes added later) fall apart into letters; nothing of
    the vocabulary depends on the order of the texts.

    Example:
        >>> tokenizer = build_tokenizer(["body color : scarlet"])
        >>> tokenizer.tokenize("color : scar")
        ['color', ':', 's', '##c', '##a', '##r']
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    normalizer, pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.BertPreTokenizer()
    split = (pre_tokenizer.pre_tokenize_str(normalizer.normalize_str(text)) for text in texts)
    words = sorted({word for pieces in split for word, _ in pieces})
    letters = sorted({letter for word in words for letter in word} | set("abcdefghijklmnopqrstuvwxyz0123456789"))
    pieces = dict.fromkeys([*SPECIAL, *words, *letters, *(f"##{letter}" for letter in letters)])
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizer
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(t, vocabulary[t]) for t in ("[CLS]", "[SEP]")]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **ROLES)


def load_tokenizer(source: str | Path) -> PreTrainedTokenizerBase:
    """A tokenizer from a saved ``tokenizer.json``, a transformers folder or a hub id.

    Raises:
        ConfigError: there is none, or it has no mask token.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    try:
        if Path(source).is_file():
            tokenizer: PreTrainedTokenizerBase = PreTrainedTokenizerFast(tokenizer_file=str(source), **ROLES)
        else:
            tokenizer = AutoTokenizer.from_pretrained(language_model(source), use_fast=True)
    except Exception as error:  # the tokenizers library raises bare Exception on a damaged file
        raise ConfigError(not_there(source, "tokenizer", error)) from error
    if tokenizer.mask_token_id is None:
        fix = "take one such as BERT, or leave out model.text_encoder: one is then built from the ontology's words"
        got = f"the tokenizer at {source} has no mask token"
        raise ConfigError(Problem(got, expected="a masked language model", fix=fix))
    return tokenizer


class TextEncoder(nn.Module):
    """A transformers text model and a projection to the cross-modal width.

    Args:
        config: sizes; ``text_encoder`` names a folder or hub id instead, of which ``tuned_text_blocks`` learn.
        vocabulary: number of tokens of the tokenizer (unused with a pretrained model).
        weights: False leaves a pretrained model's weights random, where a checkpoint's are loaded over them.

    Raises:
        ConfigError: no such model, or fewer blocks than are tuned.
    """

    def __init__(self, config: ModelConfig, *, vocabulary: int, weights: bool = True) -> None:
        super().__init__()
        self.pretrained = bool(config.text_encoder)
        if self.pretrained:
            source, what = language_model(config.text_encoder), "text encoder"
            self.transformer = load_pretrained(source, what=what)[0] if weights else untrained(source, what=what)
            tune(self.transformer, config.tuned_text_blocks, key="model.tuned_text_blocks")
        else:
            self.transformer = _small_bert(config, vocabulary)
        width = self.transformer.config.hidden_size
        self.project = nn.Identity() if width == config.dim else nn.Linear(width, config.dim)
        self.vocabulary = cast(nn.Embedding, self.transformer.get_input_embeddings()).num_embeddings
        self._kept: dict[int, _Kept] = {}

    @property
    def limit(self) -> int:
        """The longest text in tokens, special ones included."""
        return longest_text(self.transformer)

    def word_head(self, dim: int) -> nn.Module:
        """What scores the vocabulary in states ``(..., dim)``, fresh; of a pretrained model it goes by its words."""
        if not self.pretrained:
            return nn.Linear(dim, self.vocabulary)
        return WordHead(dim, cast(nn.Embedding, self.transformer.get_input_embeddings()))

    def train(self, mode: bool = True) -> TextEncoder:
        """As for any module; but what is frozen stays in evaluation mode."""
        super().train(mode)
        rest(self.transformer)
        return self

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Token ids ``(text, token)`` and mask (1 real, 0 padding) to states ``(text, token, dim)``."""
        return self.project(self.transformer(input_ids=tokens, attention_mask=mask).last_hidden_state)

    def fixed(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """As :meth:`forward`, for texts that every step reads: a frozen model reads them once."""
        if any(parameter.requires_grad for parameter in self.transformer.parameters()):
            return self(tokens, mask)
        words = cast(nn.Embedding, self.transformer.get_input_embeddings()).weight
        # Loading other weights, or moving them, changes these numbers.
        stamp = (tokens._version, mask._version, words.data_ptr(), words._version)
        kept = self._kept.get(id(tokens))
        if kept is None or kept.stamp != stamp or kept.mask is not mask:
            # Whole precision and no inference tensor: validation and training read the same states, whoever is first.
            with torch.inference_mode(False), torch.no_grad(), torch.autocast(tokens.device.type, enabled=False):
                states = self.transformer(input_ids=tokens, attention_mask=mask).last_hidden_state
            kept = self._kept[id(tokens)] = _Kept(tokens, mask, stamp, states)
        return self.project(kept.states)

    @staticmethod
    def mean(states: Tensor, mask: Tensor) -> Tensor:
        """Mean state of the real tokens, ``(text, dim)``."""
        weights = mask.to(states.dtype).unsqueeze(-1)
        return (states * weights).sum(1) / weights.sum(1).clamp(min=1)


class _Kept(NamedTuple):
    """States of texts; the texts are held too, so that no others can come to have their number."""

    tokens: Tensor
    mask: Tensor
    stamp: tuple[int, ...]
    states: Tensor


class WordHead(nn.Module):
    """States to scores over a pretrained model's vocabulary, by its own word embeddings.

    So it knows every word from the start, and learns no more than how to get there.

    Source: Press and Wolf, "Using the Output Embedding to Improve Language Models", EACL 2017; the block before
    the embeddings is that of BERT's head (Devlin et al., NAACL 2019).

    Args:
        dim: width of the states.
        words: the word embeddings, which stay the text encoder's own.
    """

    def __init__(self, dim: int, words: nn.Embedding) -> None:
        super().__init__()
        width = words.embedding_dim
        self.transform = nn.Sequential(nn.Linear(dim, width), nn.GELU(), nn.LayerNorm(width))
        self.bias = nn.Parameter(torch.zeros(words.num_embeddings))
        self.embeddings = (words,)  # in a tuple, so that they are not its own parameters as well

    def forward(self, states: Tensor) -> Tensor:
        """States ``(..., dim)`` to logits ``(..., word)``."""
        return F.linear(self.transform(states), self.embeddings[0].weight, self.bias)


def _small_bert(config: ModelConfig, vocabulary: int) -> PreTrainedModel:
    """A BERT of the classifier's own size, with random weights."""
    from transformers import BertConfig, BertModel

    shape = BertConfig(
        vocab_size=vocabulary,
        hidden_size=config.dim,
        num_hidden_layers=config.text_layers,
        num_attention_heads=config.heads,
        intermediate_size=2 * config.dim,
        hidden_dropout_prob=config.dropout,
        attention_probs_dropout_prob=0.0,
        max_position_embeddings=512,
    )
    return BertModel(shape, add_pooling_layer=False)


def tokenize(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], *, limit: int = 512) -> tuple[Tensor, Tensor]:
    """Token ids and mask ``(text, token)`` of several texts, padded."""
    encoded = tokenizer(list(texts), padding=True, truncation=True, max_length=limit, return_tensors="pt")
    return encoded["input_ids"], torch.as_tensor(encoded["attention_mask"])
