"""Where the published code of DUET departs from the paper, one named option each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from kgzsl.errors import ConfigError, Problem, nearest

__all__ = ["REFUSED", "Departures"]

REFUSED = ("test_images_as_references", "selection_on_test")
"""Departures that let test images into training or selection: named here, and never done."""


@dataclass(frozen=True)
class Departures:
    """What the published code does otherwise than the paper means; True is the code, False the paper.

    ``Departures()`` is the published code, but for the two in :data:`REFUSED`, which use test images and stay False.
    :meth:`none` is the paper. Each one can be turned off alone, to measure what it does.

    Source: Chen et al., "DUET: Cross-modal Semantic Grounding for Contrastive Zero-shot Learning", AAAI 2023,
    against the code published with it, as of February 2024.

    Args:
        probabilities_as_logits: the paper means cross-entropy of class scores; the code takes the cross-entropy of
            their softmax, a second softmax, which bounds loss and gradient.
        logits_as_image: the paper means patches as a sequence that words look at; the code looks at one token,
            projected from the backbone's class logits.
        every_word_reconstructed: the paper means the masked words; the code reconstructs every position, special
            tokens and padding included.
        padding_is_read: the paper means the words of the prompt; the code's cross-modal layer also attends to
            padding, so that a result depends on the longest text of its batch.
        index_in_word: the paper means the attribute's word; for CUB the code's contrast has the attribute's number
            before it ("51white") in anchor and positive, and not in negatives.
        dropout_ends_with_validation: the paper means dropout while training; after the first evaluation in an epoch
            the code trains on in evaluation mode, without dropout.
        optimizer_every_epoch: the paper means one Adam; the code makes a new one, without moments, in every epoch.
        leftover_gradients: the paper means whole accumulated batches; what is left at the end of an epoch is neither
            applied nor cleared in the code, and joins the first step of the next.
        accuracy_over_images: the paper means per-class accuracy; for AwA2 and SUN the code gives the share of images.
        gamma_on_probabilities: the paper means calibrated stacking of scores; the code takes gamma off probabilities.
        template_wording: the paper means one prompt for both tasks; the template in the code is spelled and ordered
            otherwise than the prompts.
        own_class_at_distance_one: the paper means distances between classes; the code sets a class's distance from
            itself to 1, so that it can be drawn as its own positive.
        plain_contrast: the paper means similarity over a temperature in attribute-level contrast; the code takes the
            plain dot product.
        test_images_as_references: the paper means training images as positives and negatives; the code also draws
            seen test images, with their labels. Refused.
        selection_on_test: the paper means hyperparameters and epoch from validation; the code keeps the epoch that
            is best on test images. Refused.

    Raises:
        ConfigError: a refused departure was asked for.

    Example:
        >>> Departures().padding_is_read, Departures.none().padding_is_read
        (True, False)
        >>> Departures(probabilities_as_logits=False).names()[:2]
        ('logits_as_image', 'every_word_reconstructed')
    """

    probabilities_as_logits: bool = True
    logits_as_image: bool = True
    every_word_reconstructed: bool = True
    padding_is_read: bool = True
    index_in_word: bool = True
    dropout_ends_with_validation: bool = True
    optimizer_every_epoch: bool = True
    leftover_gradients: bool = True
    accuracy_over_images: bool = True
    gamma_on_probabilities: bool = True
    template_wording: bool = True
    own_class_at_distance_one: bool = True
    plain_contrast: bool = True
    test_images_as_references: bool = False
    selection_on_test: bool = False

    def __post_init__(self) -> None:
        fix = "leave it out: test images stay out of training and selection"
        if problems := [Problem(f"departure {name} is refused", fix=fix) for name in REFUSED if getattr(self, name)]:
            raise ConfigError(problems)

    @classmethod
    def none(cls) -> Departures:
        """The paper: no departure."""
        return cls(**{field.name: False for field in fields(cls)})

    @classmethod
    def without(cls, names: Iterable[str]) -> Departures:
        """The published code but for some departures, or for ``all`` of them.

        Raises:
            ConfigError: names that are none, or of a refused one, which is never made.

        Example:
            >>> made = Departures.without(["padding_is_read"])
            >>> made.padding_is_read, made.plain_contrast, Departures.without(["all"]) == Departures.none()
            (False, True, True)
        """
        names = tuple(names)
        known = ("all", *cls().names())
        problems = [
            Problem(f"departure {name} is never made", fix="leave it out")
            if name in REFUSED
            else Problem(f"no departure {name!r}", fix=nearest(name, known, otherwise=f"known: {', '.join(known)}"))
            for name in names
            if name not in known
        ]
        if problems:
            raise ConfigError(problems)
        return cls.none() if "all" in names else cls(**dict.fromkeys(names, False))

    def names(self) -> tuple[str, ...]:
        """Those that are made, in the order of the table in ``docs/duet.md``."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name))
