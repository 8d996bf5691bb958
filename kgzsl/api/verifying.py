"""Are the explanations of a run faithful? Everything is measured on test images of unseen classes."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from kgzsl.api.asked_again import asked_again, reordered, under_other_names, under_own_names, with_shuffled_weights
from kgzsl.api.asking import ask, look
from kgzsl.api.measuring import dataset_of
from kgzsl.api.records import Dataset, Listener, Run
from kgzsl.api.retraining import grounds_of
from kgzsl.api.retraining import retrain as train_afresh
from kgzsl.api.scoring import class_vectors, scores_of
from kgzsl.api.verified import Verification, keep_verifications
from kgzsl.data.rows import in_batches, take_rows
from kgzsl.errors import DataError, MismatchError, Problem
from kgzsl.ontology import Fact
from kgzsl.ontology.vocabulary import local_name

if TYPE_CHECKING:
    from kgzsl.explain.checks import Case, Counted, Material, Removal, Retrained
    from kgzsl.explain.explanation import Explanation
    from kgzsl.explain.faithfulness import Box
    from kgzsl.explain.question import Method, Question

__all__ = ["Bench", "shared", "verify"]

PARTS = ("hasEars", "hasHorns", "hasTail", "hasLegs", "hasWings", "hasEyes", "hasSnout", "hasBodyShape", "hasPattern")
"""Properties of creatures that have a place of their own in a picture."""
SHUFFLES = 5
"""Models with shuffled weights."""
FEWER = 10
"""Images of which explanations are made again."""
SCORED = 2000
"""Images of unseen classes that are scored, at most."""

Progress = Callable[[str, int, int], None]


def verify(
    run: Run,
    *,
    images: int = 200,
    methods: Sequence[str] = ("margin",),
    others: Iterable[Run] = (),
    retrain: int = 0,
    jobs: int = 1,
    seed: int = 0,
    progress: Progress = lambda name, done, total: None,
    listener: Listener | None = None,
) -> tuple[Verification, ...]:
    """Test whether the explanations that methods give on a run are faithful; written to ``verify.json`` as well.

    Every image is asked why it is its predicted class and not the runner-up. Facts are taken away through the model:
    classes are described again without them, never is a contribution subtracted. A check that cannot be asked of a run
    (no boxes to point at, no second seed) is "not applicable", with the reason, and never passed.

    Args:
        run: as it was trained.
        images: so many test images of unseen classes, drawn evenly over the classes.
        methods: names of methods of explaining.
        others: runs of other seeds, to see whether they explain alike.
        retrain: train afresh without the facts ranked first, over so many seeds; 0: do not. Five take as long as
            twenty-five trainings. The runs are kept in the run's folder, and a killed one goes on.
        jobs: trainings at the same time.
        seed: of all that is drawn.
        progress: called with what is done, how much of it, and of how much.
        listener: hears of what is read.

    Returns:
        What was found about each method.

    Raises:
        ConfigError: a kind of model whose scores are no sum over facts, or no such method.
        DataError: no test images of unseen classes.
        MismatchError: another run is not of the same classes and attributes.
    """
    from kgzsl.explain.checks import CHECKS, RETRAINED, use_of
    from kgzsl.explain.methods import method_of

    chosen = [method_of(name) for name in dict.fromkeys(methods)]
    bench = Bench(run, dataset_of(run, listener), images, seed, progress)
    others = tuple(others)
    _need_same(run, others)
    found = []
    for method in chosen:
        started = time.perf_counter()
        material, removal = bench.material(method, others=others)
        if retrain:
            made = bench.retrained(method, material.cases, seeds=retrain, jobs=jobs)
            missing = dict.fromkeys((check.name for check in RETRAINED), made) if isinstance(made, str) else {}
            retrained = () if isinstance(made, str) else made
            material = replace(material, retrained=retrained, missing={**material.missing, **missing})
        outcomes = tuple(check.judge(material) for check in CHECKS.values())
        use = use_of(material)
        one = Verification(
            run=str(run.folder.path),
            method=method.name,
            images=len(material.cases),
            classes=len(set(material.labels)),
            seed=seed,
            seconds=round(time.perf_counter() - started, 1),
            removal=removal.what,
            use="No image of an unseen class was scored." if use is None else str(use),
            outcomes=outcomes,
        )
        keep_verifications(run, [one])
        found.append(one)
    return tuple(found)


def shared(run: Run, other: Run) -> dict[str, bool]:
    """What two runs must have in common for their explanations to be compared, and whether they have."""
    return {
        "classes": other.space.classes == run.space.classes,
        "attributes": other.attributes.attributes == run.attributes.attributes,
        "kind of images": replace(other.config.data, decoys=0.0) == replace(run.config.data, decoys=0.0),
    }


def _need_same(run: Run, others: Sequence[Run]) -> None:
    """Other runs can be compared where they know the same classes by the same attributes, and read the same images."""
    problems = []
    for other in others:
        for part in (name for name, same in shared(run, other).items() if not same):
            fix = "give runs of one run file and other seeds"
            problems.append(Problem(f"not the {part} of the run to verify", fix=fix, file=other.folder.path))
    if problems:
        raise MismatchError(problems)


@dataclass(frozen=True, eq=False)
class Bench:
    """A run with the images that its explanations are tested on; what every method is asked the same of.

    Args:
        run: as it was trained.
        data: what it was trained on.
        images: so many are explained.
        seed: of all that is drawn.
        progress: called with what is done, how much of it, and of how much.
        part: of the data, that the images are from.
    """

    run: Run
    data: Dataset
    images: int
    seed: int
    progress: Progress
    part: str = "test_unseen"
    _cells: dict[str, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def rows(self) -> np.ndarray:
        """The images that are explained: as many of each class of their part, as far as it has them."""
        return _evenly(self._of_part(self.part), self.data.images.labels, self.images)

    @cached_property
    def _unseen(self) -> np.ndarray:
        """Test images of unseen classes."""
        return self._of_part("test_unseen")

    def _of_part(self, part: str) -> np.ndarray:
        """The images of a part of the data."""
        rows = np.flatnonzero(self.data.images.parts == part)
        if not len(rows):
            what = "no test image of an unseen class" if part == "test_unseen" else f"no image of {part}"
            raise DataError(Problem(what, fix="restore the folder of images"))
        return rows

    @cached_property
    def arrays(self) -> list[np.ndarray]:
        """The images as the run's model reads them."""
        batches = in_batches(take_rows(self.data.images.array, self.rows))
        return [array for batch in batches for array in batch]

    @cached_property
    def questions(self) -> list[Question]:
        """Why each image is its predicted class and not the runner-up."""
        run = self.run
        base = replace(ask(run, self.arrays[0], name="first"), learned_from=lambda fact: ())
        asked = []
        for row, (evidence, shares) in zip(self.rows, self._seen(run, range(len(self.rows))), strict=True):
            scores = (base.vectors * evidence).sum(1) - base.offsets
            first, second = np.argsort(-scores, kind="stable")[:2].tolist()
            name = self.data.images.names[row]
            told = {"evidence": evidence, "shares": shares, "explained": first, "rival": second}
            asked.append(replace(base, image=name, **told))
        return asked

    def _seen(self, run: Run, chosen: Sequence[int]) -> Iterable[tuple[np.ndarray, np.ndarray]]:
        """What a run's model sees in each of some of the images."""
        for start in range(0, len(chosen), 32):
            some = chosen[start : start + 32]
            sight = look(run, [self.arrays[k] for k in some])
            yield from zip(sight.evidence, sight.shares, strict=True)

    # ---- one method ------------------------------------------------------------------

    def material(self, method: Method, *, others: Sequence[Run]) -> tuple[Material, Removal]:
        """All that the checks look at."""
        from kgzsl.explain.checks import Material, edit, erase

        cases = self.cases(method)
        removal = self._removal([case.explanation for case in cases])
        random = np.random.default_rng(self.seed)
        erased = []
        for number, case in enumerate(cases, 1):
            erased.append(erase(case, removal, degree=self.degree, frequency=self.frequency, random=random))
            self.progress("taking facts away", number, len(cases))
        moved = edit(cases, done=lambda count: self.progress("editing the ontology", count, len(cases)))
        creatures = self.run.config.data.benchmark == "creatures"
        material = Material(
            cases,
            erased=tuple(erased),
            moved=moved,
            again=self._again(method, cases, others),
            pool=tuple(removal.pool(case.question) for case in cases),
            drawn=self._drawn if creatures else None,
            usual=self.usual,
            counted=self._counted,
            shuffled=self.run.config.semantics.shuffle,
            missing=self._missing,
            seed=self.seed,
        )
        return material, removal

    @property
    def _missing(self) -> dict[str, str]:
        """Checks that this run cannot be asked, with the reason."""
        missing = {}
        if self.run.ontology.core is not None:
            missing["renamed IRIs"] = "other vocabularies are read beside the ontology, and not renamed"
        if self.run.config.data.features:
            missing |= dict.fromkeys(("pointing game", "overlap"), "published features have no places")
        return missing

    def cases(self, method: Method) -> tuple[Case, ...]:
        """What a method says of every image."""
        from kgzsl.explain.checks import Case

        labels, classes = self.data.images.labels[self.rows], self.data.images.space.classes
        told = self._explained(method, self.questions)
        return tuple(
            Case(question, explanation, classes[label], self._boxes.get(int(row), {}))
            for question, explanation, label, row in zip(self.questions, told, labels, self.rows, strict=True)
        )

    def _explained(self, method: Method, questions: Sequence[Question]) -> list[Explanation]:
        """A method's answers."""
        found = []
        for number, question in enumerate(questions, 1):
            found.append(method.explain(question))
            self.progress(f"explaining ({method.name})", number, len(questions))
        return found

    def _removal(self, told: Sequence[Explanation]) -> Removal:
        """Facts of the two classes are taken out of the closure; those that others state, out of the ontology."""
        from kgzsl.explain.checks import CellRemoval, EditRemoval

        beyond = any(f.fact.subject not in (one.predicted, one.rival) for one in told for f in one.every)
        return EditRemoval() if beyond else CellRemoval(self._encode, _sources=self._cells)

    def _encode(self, rows: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Vectors of some rows with less known of them."""
        import torch

        own = self.run.attributes
        table = replace(
            own,
            classes=tuple(own.classes[row] for row in rows),
            value=own.value[rows],
            known=known,
            assumed=own.assumed[rows] & known,
            strength=None if own.strength is None else own.strength[rows],
            states={source: states[rows] for source, states in own.states.items()},
        )
        with torch.inference_mode():
            vectors: np.ndarray = class_vectors(self.run.model, table).double().cpu().numpy()
        return vectors

    # ---- what is known of facts ------------------------------------------------------

    def degree(self, fact: Fact) -> int:
        """How many classes of the run have a fact."""
        return self._degrees[fact.predicate, fact.object, fact.polarity]

    def frequency(self, fact: Fact) -> int:
        """How many facts have its predicate."""
        return self._frequencies[fact.predicate]

    @cached_property
    def _degrees(self) -> Counter[tuple[str, str, str]]:
        classes, ontology = set(self.run.space.classes), self.run.ontology
        facts = (fact for iri in classes for fact in ontology.facts(iri))
        return Counter((fact.predicate, fact.object, fact.polarity) for fact in facts)

    @cached_property
    def _frequencies(self) -> Counter[str]:
        terms = self.run.ontology.terms
        numbers, counts = np.unique(self.run.ontology.columns.predicate, return_counts=True)
        return Counter({terms[k]: int(n) for k, n in zip(numbers, counts, strict=True)})

    def _drawn(self, fact: Fact) -> bool:
        """Whether pictures of creatures are drawn from a fact; links of the taxonomy pass on what is."""
        from kgzsl.data.creatures import FEATURES, is_decoy

        shown = local_name(fact.predicate) in FEATURES or self.run.ontology.is_taxonomy(fact.predicate)
        return shown and not is_decoy(fact)

    @cached_property
    def _boxes(self) -> dict[int, Mapping[str, Box]]:
        """Image -> property -> where the part was drawn."""
        if self.run.config.data.benchmark != "creatures":
            return {}
        properties, table = self._creatures
        return {
            int(row): {
                iri: _box(table[row, k]) for iri, k in properties.items() if table[row, k, 0] == table[row, k, 0]
            }
            for row in self.rows
        }

    @cached_property
    def usual(self) -> dict[str, Box]:
        """Property -> mean box over the training images."""
        if self.run.config.data.benchmark != "creatures":
            return {}
        properties, table = self._creatures
        training = table[self.data.images.parts == "trainval"]
        return {iri: _box(np.nanmean(training[:, k], 0)) for iri, k in properties.items()}

    @cached_property
    def _creatures(self) -> tuple[dict[str, int], np.ndarray]:
        """Property -> its column in the table of boxes, and the table."""
        from kgzsl.api.sources import image_size
        from kgzsl.data.creatures import FEATURES, cached, load

        data, size = self.run.config.data, image_size(self.run.config)
        folder = cached(size, train_per_class=data.train_per_class, test_per_class=data.test_per_class)
        table = load(folder).box_table
        columns = {name: k for k, name in enumerate(FEATURES) if name in PARTS}
        own = {local_name(iri): iri for iri in self.run.ontology.properties}
        return {own[name]: k for name, k in columns.items() if name in own}, table

    @cached_property
    def _counted(self) -> Counted:
        """How many images of unseen classes are recognized among these."""
        from kgzsl.explain.checks import Counted

        images, run = self.data.images, self.run
        rows = _evenly(self._unseen, images.labels, SCORED)
        columns = np.flatnonzero(~run.space.mask(run.split.seen))
        scores = scores_of(run.model, take_rows(images.array, rows), run.attributes)[:, columns]
        right = columns[scores.argmax(1)] == images.labels[rows]
        return Counted(int(right.sum()), len(rows), len(columns))

    # ---- made again ------------------------------------------------------------------

    def _again(
        self, method: Method, cases: Sequence[Case], others: Sequence[Run]
    ) -> dict[str, tuple[Mapping[int, Explanation], ...]]:
        """Explanations of some of the cases under what must change them, and under what must not."""
        few = np.linspace(0, len(cases) - 1, min(FEWER, len(cases))).round().astype(int).tolist()
        again: dict[str, list[Mapping[int, Explanation]]] = {"weights": [], "names": [], "order": [], "seeds": []}
        total, done = SHUFFLES + 2 + len(others), itertools.count(1)

        def explained(run: Run) -> Mapping[int, Explanation]:
            asked = asked_again(run, [cases[k].question for k in few], self._seen(run, few))
            told = [method.explain(question) for question in asked]
            self.progress("explaining again", next(done), total)
            return dict(zip(few, told, strict=True))

        for seed in range(SHUFFLES):
            again["weights"].append(explained(with_shuffled_weights(self.run, seed=seed)))
        if self.run.ontology.core is None:
            other, old = under_other_names(self.run, seed=self.seed)
            again["names"].append({k: under_own_names(one, old) for k, one in explained(other).items()})
        reread = reordered(self.run, seed=self.seed)
        if reread is not None:
            again["order"].append(explained(reread))
        again["seeds"] += [explained(other) for other in others]
        self.progress("explaining again", total, total)
        return {kind: tuple(each) for kind, each in again.items()}

    def retrained(self, method: Method, cases: Sequence[Case], *, seeds: int, jobs: int) -> tuple[Retrained, ...] | str:
        """Trained afresh without the facts ranked first; or why that cannot be."""
        if self.run.ontology.core is not None:
            return "facts of other vocabularies are not written down"
        random = np.random.default_rng(self.seed)
        grounds = grounds_of(self.run, cases, degree=self.degree, random=random)
        folder = self.run.folder.path / "verify" / method.name
        return train_afresh(self.run, grounds, folder=folder, seeds=seeds, jobs=jobs, progress=self.progress)


def _evenly(rows: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Some of the images: of each class the first ones, of all classes as many, as far as they have them."""
    order = np.argsort(labels[rows], kind="stable")
    _, starts, sizes = np.unique(labels[rows][order], return_index=True, return_counts=True)
    turn = np.empty(len(rows), dtype=np.int64)
    turn[order] = np.arange(len(rows)) - np.repeat(starts, sizes)
    return np.sort(rows[np.lexsort((labels[rows], turn))[:count]])


def _box(row: np.ndarray) -> Box:
    """A row of the table of boxes."""
    left, top, right, bottom = map(float, row)
    return left, top, right, bottom
