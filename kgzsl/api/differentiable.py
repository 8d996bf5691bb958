"""A margin as a function that can be differentiated: of the words that prompts say, and of the edges of a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from kgzsl.api.describing import describe
from kgzsl.api.records import Run
from kgzsl.api.restating import Restating, state_columns
from kgzsl.explain.question import Path
from kgzsl.ontology import Fact

if TYPE_CHECKING:
    from torch import Tensor, nn

    from kgzsl.data.texts import TextModel
    from kgzsl.semantics.prompt import Prompt, Span

__all__ = ["paths_of"]


def paths_of(run: Run, evidence: np.ndarray, explained: int, rival: int) -> tuple[Path, ...]:
    """The ways on which facts reach the margin between two classes through states that are made of them.

    - ``prompt``: the pieces are the spans of both classes' prompts. A span that is not present is words unknown: to a
      language model so many mask tokens (of a model without one, padding), of the words in a text none. All other
      words, among them the classes' names, stay.
    - ``gnn``: the pieces are the edges, each with its reverse, that the network looks at for the two classes
      (:mod:`kgzsl.model.edge_weights`). Without any of them there are the nodes' own texts.

    Embeddings are no function of facts: there is no path for them.

    Args:
        run: as it is loaded.
        evidence: of an image, ``(attribute + dim,)``, scaled as :class:`~kgzsl.explain.question.Question` has it.
        explained: row of the class that is explained.
        rival: row of its rival.
    """
    made = {"prompt": _prompt_path, "gnn": _graph_path}
    told, restating = describe(run), Restating(run)
    paths = []
    for source, block in told.blocks.items():
        # What standardized states are worth in the score of this image.
        worth = state_columns(run, {source: evidence[block]})[source]
        if source in made and worth.any():
            paths.append(made[source](restating, worth, [run.attributes.classes[row] for row in (explained, rival)]))
    return tuple(paths)


# ---- prompts -------------------------------------------------------------------------

State = Callable[["Tensor"], "Tensor"]
"""Presences of one text's spans ``(point, span)`` to raw states of the text, float64 ``(point, dim)``."""


def _prompt_path(restating: Restating, worth: np.ndarray, classes: Sequence[str]) -> Path:
    """What prompts add to the margin, as a function of their spans."""
    import torch

    prompts = [restating.prompt(iri) for iri in classes]
    model = restating.text_model
    read = [_by_words(prompt) if model is None else _by_model(prompt, model) for prompt in prompts]
    ends = len(read[0][0])
    standard = restating.standard
    direction = torch.from_numpy(worth / standard.length)

    def share(presence: Tensor) -> Tensor:
        given = presence.double()
        one, other = read[0][1](given[:, :ends]), read[1][1](given[:, ends:])
        return (one - other) @ direction  # what is taken off to center them is the same

    return Path("prompt", tuple((span.fact,) for spans, _ in read for span in spans), share)


def _by_words(prompt: Prompt) -> tuple[tuple[Span, ...], State]:
    """The spans of a text, and its state by the words in it."""
    import torch
    import torch.nn.functional as F

    from kgzsl.semantics.hashing import DIM, words_of

    rest = torch.zeros(DIM, dtype=torch.float64)
    said = torch.zeros(len(prompt.spans), DIM, dtype=torch.float64)
    for word in words_of(prompt.text):
        own = _span_at(prompt, word.start, word.end)
        (rest if own is None else said[own])[word.column] += word.sign

    return prompt.spans, lambda presence: F.normalize(rest + presence @ said, dim=1)


def _by_model(prompt: Prompt, model: TextModel) -> tuple[tuple[Span, ...], State]:
    """The spans of a text that a language model reads, and its state by that."""
    import torch

    module, tokenizer = model.module, model.tokenizer
    tokens = torch.tensor(model.tokens(prompt.text), device=module.device)
    places = tokenizer(prompt.text, truncation=True, max_length=model.limit, return_offsets_mapping=True)
    said = torch.zeros(len(prompt.spans), len(tokens), device=module.device)
    for column, (start, end) in enumerate(places["offset_mapping"]):
        if (own := _span_at(prompt, start, end)) is not None:
            said[own, column] = 1
    read = said.any(1).tolist()
    spans, said = tuple(span for span, there in zip(prompt.spans, read, strict=True) if there), said[said.any(1)]
    unknown = next(
        token
        for token in (tokenizer.mask_token_id, tokenizer.pad_token_id, tokenizer.unk_token_id, 0)
        if token is not None
    )
    words = cast("nn.Embedding", module.get_input_embeddings()).weight.detach()
    whole, blank = words[tokens], words[unknown]

    def state(presence: Tensor) -> Tensor:
        there = 1 - (1 - presence.to(said)) @ said  # of every token; those of no span are there
        return model.pooled(blank + there[..., None] * (whole - blank)).double().cpu()

    return spans, state


def _span_at(prompt: Prompt, start: int, end: int) -> int | None:
    """The number of the span that a stretch of a text is of, if it is of one."""
    return next((k for k, span in enumerate(prompt.spans) if start < min(end, span.end) and span.start < end), None)


# ---- the graph -----------------------------------------------------------------------


def _graph_path(restating: Restating, worth: np.ndarray, classes: Sequence[str]) -> Path:
    """What a graph network adds to the margin, as a function of the edges that it looks at."""
    import torch

    run, wiring = restating.run, restating.wiring
    rows = [run.attributes.classes.index(iri) for iri in classes]
    nodes = run.attributes.states["gnn"][rows, 0].astype(np.int64)
    block = wiring.block(nodes, wiring.edges)
    facts, piece = _pieces(restating, block.nodes[block.edge_index], block.edge_type)
    states, measure = wiring.states, restating.measure
    place = states.features.device
    # Tensors of inference mode take part in no gradient: copies do.
    features = wiring.features[torch.from_numpy(block.nodes).to(place)].clone()
    index, kind, edge, seeds = (
        torch.from_numpy(part).to(place) for part in (block.edge_index, block.edge_type, piece, block.seeds)
    )
    direction = torch.from_numpy(worth).to(place) / measure.length.double()

    def share(presence: Tensor) -> Tensor:
        found = []
        for weights in presence.to(features).index_select(1, edge):
            one, other = states.encoder(features, index, kind, within=block.within, edge_weight=weights)[seeds].double()
            found.append((one - other) @ direction)
        return torch.stack(found).cpu()

    return Path("gnn", facts, share)


def _pieces(
    restating: Restating, edge_index: np.ndarray, edge_type: np.ndarray
) -> tuple[tuple[tuple[Fact, ...], ...], np.ndarray]:
    """The facts of each piece, and the piece of each edge: an edge and its reverse are one."""
    half = restating.wiring.half
    back = edge_type >= half
    start, end = np.where(back, edge_index[::-1], edge_index)
    _, first, piece = np.unique(
        np.stack([edge_type % half, start, end]), axis=1, return_index=True, return_inverse=True
    )
    rows = restating.wiring.facts_of(edge_index[:, first], edge_type[first])
    ontology = restating.run.ontology
    return tuple(tuple(ontology.fact(row) for row in some) for some in rows), piece.astype(np.int64).ravel()
