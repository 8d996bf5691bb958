"""Does the compat model compute what the published code of DUET computed?

The published code ran once on three small random models; weights, inputs and all that it computed are stored. This
loads the weights, computes everything again and prints the largest deviation of each kind:

- tensors: of each stored activation and output, relative to the largest entry of that tensor;
- losses: of each term, relative to it;
- gradients: of each parameter in both kinds of steps, relative to the largest gradient of the step;
- Adam step: of each parameter after one step (of about 3e-5), absolute;
- evaluation: of probabilities before and after calibrated stacking and of accuracies; predictions must be equal;
- sampler tables: of each chance. Positives and negatives are stored in single precision, made from strengths in
  single precision.

Usage::

    python benchmarks/parity.py ../shared/data/duet-reference
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kgzsl.cli.console import print_table
from kgzsl.evaluate.compat import compat_predictions
from kgzsl.evaluate.metrics import mean_accuracy, per_class_accuracy
from kgzsl.model.departures import Departures
from kgzsl.model.duet_compat import CompatShape, DuetCompat
from kgzsl.model.published import load_published, to_published
from kgzsl.train.compat_objectives import (
    STRENGTH_SCALE,
    ClassTables,
    CompatWeights,
    ContrastBatch,
    GroundingBatch,
    Pairs,
    attribute_contrast,
    contrast_losses,
    grounding_losses,
    image_contrast_logits,
    padded,
    shifted,
    word_reconstruction,
)
from kgzsl.train.compat_sampling import (
    SamplingTables,
    attribute_frequency,
    class_distances,
    sampling_tables,
)

MODELS = ("awa_tiny_deit", "awa_tiny_swin", "cub_tiny_deit")
TABLES = ("awa2_real", "cub_synth")
INVISIBLE = ("habit", "diet", "behaviour", "role")
INPUTS = ("images", "input_ids", "attention_mask", "token_type_ids", "mask_positions", "labels_mapped", "labels_global")
INPUTS += ("mlm_label_ids", "mask_index")


@dataclass(frozen=True)
class Deviation:
    """How far one computed thing is from its reference.

    Args:
        reference: of which stored run.
        kind: a row of the table.
        name: what it is.
        value: largest absolute deviation, divided by the scale.
    """

    reference: str
    kind: str
    name: str
    value: float


@dataclass(frozen=True)
class Reference:
    """A stored run of the published code on a small random model.

    Args:
        folder: where it lies.
        dtype: precision to compute in; ``float32`` compares with what was stored in single precision.
    """

    folder: Path
    dtype: torch.dtype = torch.float64

    def arrays(self, name: str) -> Mapping[str, np.ndarray]:
        """A stored ``.npz`` in the reference's precision."""
        suffix = "f64" if self.dtype == torch.float64 else "f32"
        return dict(np.load(self.folder / f"{name}_{suffix}.npz"))

    def json(self, name: str) -> dict[str, Any]:
        """A stored ``.json``."""
        return json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))

    @cached_property
    def options(self) -> dict[str, Any]:
        """The published code's command line."""
        return self.json("config")["opt"]

    @cached_property
    def tables(self) -> dict[str, np.ndarray]:
        """What is known of the classes."""
        return dict(np.load(self.folder / "tables.npz"))

    @cached_property
    def published_weights(self) -> dict[str, np.ndarray]:
        """Weights by their published names."""
        return dict(np.load(self.folder / "weights.npz"))

    @cached_property
    def classes(self) -> ClassTables:
        """The same as the losses want it."""
        attributes = torch.tensor(self.tables["attribute_all_AxC"].T, dtype=self.dtype)
        return ClassTables(attributes, torch.tensor(self.tables["seenclasses"]))

    @cached_property
    def weights(self) -> CompatWeights:
        """Weights of the terms, as the run was started with."""
        options = self.options
        return CompatWeights(
            classification=options["xe"],
            attribute_distance=options["attri"],
            self_calibration=options["sc_loss"],
            word_reconstruction=options["mask_loss_xishu"],
            attribute_contrast=options["construct_loss_weight"],
            temperature=options["temperature"],
        )

    def model(self, departures: Departures | None = None) -> DuetCompat:
        """The model with the stored weights, dropout off."""
        config = self.json("config")
        shape = CompatShape(
            config["bert"],
            config["image"],
            attributes=len(config["attri_name"]),
            cross_layers=self.options["xlayer_num"],
            heads=config["lxmert"]["num_attention_heads"],
            feed=config["lxmert"]["intermediate_size"],
        )
        model = DuetCompat(shape, departures).to(self.dtype).eval()
        load_published(model, self.published_weights)
        return model

    def pairs(self, stored: Mapping[str, np.ndarray], group: str, departures: Departures | None = None) -> Pairs:
        """One stored forward's images and texts."""
        images, tokens, mask = (
            torch.tensor(stored[f"{group}/{name}"]) for name in ("images", "input_ids", "attention_mask")
        )
        return Pairs.of(images, tokens, mask, departures=departures or Departures())

    def grounding(self, departures: Departures | None = None) -> GroundingBatch:
        """The stored step of cross-modal semantic grounding."""
        stored, samples = self.arrays("csg"), self.json("csg")["samples"]
        strength = self.tables["attribute_deal_SxA"]
        labels, masked = stored["labels_mapped"], stored["mask_index"]
        own = strength[labels, masked]
        used = [i for i, sample in enumerate(samples) if not sample["skipped"]]
        positives = [samples[i]["pos_seen_index"] for i in used]
        main, *groups = (self.pairs(stored, group, departures) for group in ("main", *(f"acl{i}" for i in used)))
        pairs, words = Pairs.join([main, *groups]), torch.tensor(stored["mlm_label_ids"])
        places = [torch.tensor(stored[f"acl{i}/mask_positions"]) for i in used]
        return GroundingBatch(
            pairs=pairs,
            words=words,
            masked=words != main.tokens,
            labels=torch.tensor(labels),
            strength=torch.tensor(own, dtype=self.dtype),
            positions=padded(places, pairs.tokens.shape[1]),
            contrast_strength=torch.tensor(np.minimum(own[used], strength[positives, masked[used]]), dtype=self.dtype),
        )

    def contrast(self) -> ContrastBatch:
        """The stored step of contrast between images."""
        stored = self.arrays("cls")
        images = torch.tensor(stored["main/images"])
        return ContrastBatch(
            images=images,
            labels=torch.tensor(stored["labels_mapped"]),
            others=torch.tensor(stored["con/images"][len(images) :]),
            template=torch.tensor(stored["main/input_ids"][:1]),
            template_mask=torch.tensor(stored["main/attention_mask"][:1]),
        )


def relative(computed: Any, stored: Any, *, scale: float | None = None) -> float:
    """Largest absolute deviation, by the largest stored entry if not by a given scale."""
    one, other = (np.asarray(x.detach() if isinstance(x, Tensor) else x, dtype=np.float64) for x in (computed, stored))
    if one.shape != other.shape:
        raise ValueError(f"computed {one.shape}, stored {other.shape}")
    return float(np.abs(one - other).max() / (scale or max(np.abs(other).max(), 1e-12)))


def computed_tensors(reference: Reference, step: str) -> dict[str, Tensor]:
    """Every stored tensor of a step (``csg`` or ``cls``) that is not an input, computed again."""
    model, stored = reference.model(), reference.arrays(step)
    found: dict[str, Tensor] = {}
    for group in sorted({name.partition("/")[0] for name in stored if name.endswith("/images")}):
        pairs = reference.pairs(stored, group)
        words, tokens = model.encode_text(pairs.tokens, pairs.mask), model.encode_images(pairs.images)
        found[f"{group}/text_hidden"] = words
        found[f"{group}/img_logits"] = model.class_logits(pairs.images)
        found[f"{group}/img_embed"] = tokens[:, 0]
        found[f"{group}/lang_out"] = model.ground_words(words, tokens, pairs.read)
        found[f"{group}/vis_out"] = model.ground_tokens(words, tokens, pairs.read)
        if f"{group}/contrast_proj" in stored:
            places = torch.tensor(stored[f"{group}/mask_positions"])
            found[f"{group}/contrast_proj"] = model.contrasted(words, tokens, pairs.read, positions=places)
    labels, classes = torch.tensor(stored["labels_mapped"]), reference.classes
    predicted = found["main/pre_attri"] = model.attributes(found["main/vis_out"])
    scores = model.scores(predicted, classes.attributes)
    found["label_attr_BxA"] = classes.of_seen[labels]
    found["output_softmax_BxS"] = scores[:, classes.seen].softmax(1)
    found["embedding_for_sc_BxC"] = shifted(scores, classes.seen)
    if step == "csg":
        found["main/mlm_logits"] = model.words(found["main/lang_out"])
    else:
        found["con/infonce_logits"] = image_contrast_logits(
            found["con/vis_out"][:, 0], labels, temperature=reference.weights.temperature
        )
    return found


def step_losses(reference: Reference, model: DuetCompat, step: str) -> dict[str, Tensor]:
    """The weighted terms of a stored step."""
    if step == "csg":
        return grounding_losses(model, reference.grounding(), reference.classes, weights=reference.weights)
    return contrast_losses(model, reference.contrast(), reference.classes, weights=reference.weights)


def step_loss(reference: Reference, model: DuetCompat, step: str) -> Tensor:
    """What the step differentiates: the sum of the terms over the number of accumulated steps."""
    return torch.stack(list(step_losses(reference, model, step).values())).sum() / reference.options["gradient_time"]


def computed_terms(reference: Reference, step: str) -> dict[str, Any]:
    """Every stored term of a step, computed again."""
    model, weights = reference.model(), reference.weights
    losses = step_losses(reference, model, step)
    terms: dict[str, Any] = {
        "ce_of_softmax": losses["classification"] / weights.classification,
        "attr_mse": losses["attribute_distance"] / weights.attribute_distance,
        "self_calibration": losses["self_calibration"] / weights.self_calibration,
        "loss": step_loss(reference, model, step),
    }
    if step == "cls":
        return terms | {"infonce": losses["image_contrast"] / weights.image_contrast}
    batch = reference.grounding()
    found = computed_tensors(reference, step)
    terms["base"] = losses["classification"] + losses["attribute_distance"] + losses["self_calibration"]
    terms["mask_loss_sum"] = losses["word_reconstruction"] / weights.word_reconstruction
    terms["acl_total"] = losses["attribute_contrast"]
    terms["mlm_weight_per_sample"] = STRENGTH_SCALE * batch.strength
    one = torch.full((1,), 1 / STRENGTH_SCALE, dtype=reference.dtype)
    terms["mlm_ce_per_sample"] = torch.stack(
        [
            word_reconstruction(
                found["main/mlm_logits"][i : i + 1],
                batch.words[i : i + 1],
                counted=batch.pairs.read[i : i + 1, : batch.words.shape[1]],
                strength=one,
            )
            for i in range(len(batch.words))
        ]
    )
    groups = sorted(name for name in found if name.endswith("/contrast_proj"))
    each = attribute_contrast(torch.stack([found[name] for name in groups]))
    terms["acl"] = torch.stack([each, weights.attribute_contrast * batch.contrast_strength], dim=1)
    return terms


def stored_terms(reference: Reference, step: str) -> dict[str, Any]:
    """The stored terms, without the options that were stored beside them."""
    terms = dict(reference.json(step)["terms"])
    for name in ("gradient_time", "mask_loss_xishu", "xe", "attri", "sc_loss", "infonce_weight"):
        terms.pop(name, None)
    if "acl" in terms:
        terms["acl"] = [[loss, weight] for loss, weight, skipped in terms["acl"] if not skipped]
    return terms


def computed_gradients(reference: Reference, model: DuetCompat, step: str) -> dict[str, Tensor]:
    """Gradients of a step by published names; a parameter without any is left out."""
    model.zero_grad(set_to_none=True)
    step_loss(reference, model, step).backward()
    return to_published({name: p.grad for name, p in model.named_parameters() if p.grad is not None})


def stepped(reference: Reference) -> dict[str, Tensor]:
    """Weights by published names after one step of Adam on the grounding step's loss."""
    model = reference.model()
    optimizer = torch.optim.Adam(model.parameters(), lr=reference.options["classifier_lr"])
    step_loss(reference, model, "csg").backward()
    optimizer.step()
    return to_published(model.state_dict())


def evaluated(reference: Reference) -> dict[str, Any]:
    """What evaluation stored, computed again."""
    model, stored = reference.model(), reference.arrays("eval")
    batch, classes = reference.contrast(), reference.classes
    seen = np.zeros(len(classes.attributes), dtype=bool)
    seen[np.unique(reference.tables["test_seen_label"])] = True
    gamma = reference.options["calibrated_stacking"]
    found: dict[str, Any] = {}
    with torch.inference_mode():
        for part in ("unseen", "seen"):
            images = torch.tensor(stored[f"{part}/images"]).to(reference.dtype)
            predicted = model.predicted_attributes(images, batch.template, batch.template_mask)
            scores = model.scores(predicted, classes.attributes)
            probabilities = scores.softmax(1).numpy()
            labels = stored[f"{part}/label"]
            predictions = compat_predictions(scores.numpy(), seen, gamma=gamma, departures=Departures())
            found[f"{part}/prob_BxC"] = probabilities
            found[f"{part}/prob_after_stacking"] = probabilities - gamma * seen
            found[f"{part}/pred"] = predictions
            found[f"{part}/acc_all"] = (predictions == labels).mean()
            wanted = np.flatnonzero(seen if part == "seen" else ~seen)
            found[f"{part}/acc_avg"] = mean_accuracy(per_class_accuracy(predictions, labels, wanted))
            if part == "unseen":
                unseen = classes.attributes[reference.tables["unseenclasses"]]
                found["czsl/prob_BxU"] = model.scores(predicted, unseen).softmax(1).numpy()
    return found


def sampler(folder: Path, name: str) -> tuple[SamplingTables, dict[str, np.ndarray]]:
    """Our chances, and the stored ones."""
    stored = dict(np.load(folder / f"{name}_sampling_tables.npz"))
    present, groups = stored["binary_seen"], stored["group_id"]
    invisible = np.isin(stored["group_names"][groups], INVISIBLE)
    distances = class_distances(stored["attribute_deal"], departures=Departures())
    frequency = attribute_frequency(present, invisible=invisible)
    return sampling_tables(present, distances, groups=groups, frequency=frequency), stored


def class_statistics(reference: Reference) -> dict[str, np.ndarray]:
    """How frequent the attributes of a small model's classes are, their groups, and how far classes are apart."""
    tables, members = reference.tables, reference.json("config")["groups"]
    present = tables["binary_seen_SxA"] > 0
    groups = np.empty(present.shape[1], dtype=np.int64)
    for number, columns in enumerate(members.values()):
        groups[columns] = number
    invisible = np.isin(np.array(list(members))[groups], INVISIBLE)
    return {
        "frequency": attribute_frequency(present, invisible=invisible),
        "distances": class_distances(tables["attribute_deal_SxA"], departures=Departures()),
        "groups": groups,
    }


def sampler_of(reference: Reference) -> SamplingTables:
    """Our chances for the classes of a small model."""
    return sampling_tables(reference.tables["binary_seen_SxA"] > 0, **class_statistics(reference))


def deviations(folder: Path, *, dtype: torch.dtype = torch.float64) -> Iterator[Deviation]:
    """All of them."""
    for name in MODELS:
        reference = Reference(folder / name, dtype)
        for step in ("csg", "cls"):
            stored = reference.arrays(step)
            for key, value in computed_tensors(reference, step).items():
                yield Deviation(name, "tensors", f"{step} {key}", relative(value, stored[key]))
            if dtype == torch.float64:
                terms = computed_terms(reference, step)
                for key, value in stored_terms(reference, step).items():
                    yield Deviation(name, "losses", f"{step} {key}", relative(terms[key], value))
            gradients, stored = (
                computed_gradients(reference, reference.model(), step),
                reference.arrays(f"{step}_grads"),
            )
            scale = max(np.abs(value).max() for value in stored.values())
            for key, value in stored.items():
                yield Deviation(name, "gradients", f"{step} {key}", relative(gradients[key], value, scale=scale))
        if dtype == torch.float64:
            after, stored = stepped(reference), reference.arrays("csg_after_adam")
            for key, value in after.items():
                yield Deviation(name, "Adam step", key, relative(value, stored[key], scale=1.0))
        stored = reference.arrays("eval")
        for key, value in evaluated(reference).items():
            yield Deviation(name, "evaluation", key, relative(value, stored[key], scale=1.0))
        if dtype == torch.float64:
            statistics, kind = class_statistics(reference), "sampler tables (double)"
            for key, theirs in (("frequency", "tfidf_frequency_A"), ("distances", "manhattan_sq_SxS")):
                yield Deviation(name, kind, key, relative(statistics[key], reference.tables[theirs]))
    for name in TABLES if dtype == torch.float64 else ():
        tables, stored = sampler(folder, name)
        for key, value in (
            ("P_mask_SxA", tables.masking),
            ("P_pos_SxAxS", tables.positive),
            ("P_neg_SxAxS", tables.negative),
            ("n_neg_candidates_SxA", tables.candidates),
        ):
            kind = "sampler tables" if stored[key].dtype == np.float32 else "sampler tables (double)"
            yield Deviation(name, kind, key, relative(value, stored[key], scale=1.0))


def main() -> None:
    """Compute and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("../shared/data/duet-reference"))
    parser.add_argument("--single", action="store_true", help="compute in single precision")
    arguments = parser.parse_args()
    found = list(deviations(arguments.folder, dtype=torch.float32 if arguments.single else torch.float64))
    rows = []
    for reference, kind in dict.fromkeys((d.reference, d.kind) for d in found):
        own = [d for d in found if (d.reference, d.kind) == (reference, kind)]
        worst = max(own, key=lambda d: d.value)
        rows.append((reference, kind, str(len(own)), f"{worst.value:.1e}", worst.name if worst.value else "-"))
    print_table(("reference", "kind", ">compared", ">largest deviation", "where"), rows)


if __name__ == "__main__":
    main()
