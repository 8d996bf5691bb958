"""Kinds of knowledge are used where they help to tell classes that are left out, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from kgzsl.train.baselines.closed_form import EszslPath
from kgzsl.train.knowledge import choose_knowledge

IMAGES, CHANNELS = 10, 12


def world(seed: int, *, classes: int = 14) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Images that show three things of a class, of which ``facts`` say one and ``more`` the others."""
    random = np.random.default_rng(seed)
    truth = random.normal(size=(classes, 3))
    labels = np.arange(classes).repeat(IMAGES)
    shown = truth @ random.normal(size=(3, CHANNELS))
    images = shown[labels] + 0.3 * random.normal(size=(len(labels), CHANNELS))
    noise = random.normal(size=(classes, 6))
    return images, labels, {"facts": truth[:, :1], "more": truth[:, 1:], "noise": noise, "again": truth[:, :1].copy()}


def chosen(seed: int, kinds: Sequence[str], **options: int) -> dict[str, bool]:
    images, labels, tables = world(seed, **options)
    found = choose_knowledge(images, labels, kinds, lambda some: np.hstack([tables[kind] for kind in some]), seed=seed)
    assert [choice.name for choice in found] == list(kinds)
    return {choice.name: choice.used for choice in found}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("classes", [14, 30])
def test_what_helps_is_used(seed: int, classes: int) -> None:
    assert chosen(seed, ["facts", "noise", "more"], classes=classes)["more"]


def test_noise_is_rarely_used() -> None:
    used = [chosen(seed, ["facts", "noise", "more"])["noise"] for seed in range(8)]
    assert sum(used) <= 2  # one standard error: in one case of six at most


def test_what_says_nothing_new_is_not_used_and_the_first_kind_always_is() -> None:
    assert chosen(0, ["facts", "again"]) == {"facts": True, "again": False}
    assert chosen(0, ["noise"]) == {"noise": True}


def test_gains_are_points_on_top_of_what_was_chosen_before() -> None:
    images, labels, tables = world(1)
    describe = lambda some: np.hstack([tables[kind] for kind in some])  # noqa: E731
    alone = choose_knowledge(images, labels, ["facts", "more"], describe)
    with_noise = choose_knowledge(images, labels, ["facts", "noise", "more"], describe)
    assert alone[1].gain > 10
    assert with_noise[2].gain == alone[1].gain  # the best is taken first
    assert with_noise[1].gain < alone[1].gain
    assert choose_knowledge(images, labels, ["facts", "more"], describe) == alone


def test_unseen_classes_are_not_looked_at() -> None:
    images, labels, tables = world(2)
    asked: list[int] = []

    def describe(some: Sequence[str]) -> np.ndarray:
        table = np.hstack([tables[kind] for kind in some])
        asked.append(len(table))
        return table

    choose_knowledge(images[labels < 9], labels[labels < 9], ["facts", "more"], describe)
    # A row without images changes nothing: it is neither a candidate nor a target.
    tables = {kind: np.where(np.arange(14)[:, None] < 9, table, np.nan) for kind, table in tables.items()}
    assert choose_knowledge(images[labels < 9], labels[labels < 9], ["facts", "more"], describe)[1].used


def test_a_path_beside_another_is_the_same_path() -> None:
    images, labels, tables = world(3)
    one = EszslPath(images, labels, tables["facts"])
    beside, alone = EszslPath(images, labels, tables["noise"], beside=one), EszslPath(images, labels, tables["noise"])
    np.testing.assert_allclose(beside.solve(0.3, 0.2), alone.solve(0.3, 0.2), rtol=1e-12)
