"""Which weights of a pretrained network learn: all, those of its last blocks, or none."""

from __future__ import annotations

from torch import nn

from kgzsl.errors import ConfigError, Problem

__all__ = ["blocks_of", "rest", "tune"]

UNUSED = ("pooler", "head")
"""What a network makes of its patch (or word) states for other purposes than ours."""


def blocks_of(network: nn.Module) -> tuple[str, nn.ModuleList]:
    """Name and content of a network's stack: layers of a transformer, stages of a Swin, ConvNeXt or ResNet.

    It is the list of modules that holds the most weights, and of lists within each other the outer one.

    Example:
        >>> from transformers import BertConfig, BertModel
        >>> name, blocks = blocks_of(BertModel(BertConfig(vocab_size=9, hidden_size=12, num_hidden_layers=3)))
        >>> name, len(blocks)
        ('encoder.layer', 3)
    """
    lists = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.ModuleList)]
    if not lists:
        raise ConfigError(Problem(f"{type(network).__name__} has no list of blocks", fix="tune all of it or nothing"))
    return max(lists, key=lambda item: sum(p.numel() for p in item[1].parameters()))


def tune(network: nn.Module, blocks: int, *, key: str) -> None:
    """Let the last blocks of a pretrained network learn, with what stands after them, and nothing else.

    What stands after them is their final normalization (of a MobileNetV2 its last convolution); embeddings and
    poolers are never among it.

    Args:
        network: a transformers model, changed in place.
        blocks: how many; 0 none, -1 all weights (but poolers').
        key: of the run file, for the message.

    Raises:
        ConfigError: more blocks than there are.
    """
    network.requires_grad_(False)
    if blocks < 0:
        tuned = [child for name, child in network.named_children() if name not in UNUSED]
        for parameter in network.parameters(recurse=False):
            parameter.requires_grad_(True)
    elif blocks == 0:
        tuned = []
    else:
        name, stack = blocks_of(network)
        if blocks > len(stack):
            got, expected = f"{key} = {blocks}", f"at most {len(stack)}, or -1 for all weights"
            raise ConfigError(Problem(got, expected=expected))
        tuned = [*list(stack)[-blocks:], *_after(network, name)]
    for module in tuned:
        module.requires_grad_(True)


def _after(network: nn.Module, name: str) -> list[nn.Module]:
    """The modules that come after a stack of blocks, beside it and beside what it lies in."""
    found: list[nn.Module] = []
    path = name.split(".")
    for depth, own in enumerate(path):
        siblings = list(network.get_submodule(".".join(path[:depth])).named_children())
        place = [child for child, _ in siblings].index(own)
        found += [m for child, m in siblings[place + 1 :] if child not in UNUSED and not isinstance(m, nn.Embedding)]
    return found


def rest(network: nn.Module) -> None:
    """Put what does not learn into evaluation mode: frozen batch statistics stay, and nothing is dropped there."""
    if not any(parameter.requires_grad for parameter in network.parameters()):
        network.eval()
        return
    for child in network.children():
        if any(True for _ in child.parameters()):  # what has no weights goes with what it stands in
            rest(child)
