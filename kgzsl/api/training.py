"""Training into a run folder, and loading from one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kgzsl.api.baselines import fit_baseline
from kgzsl.api.building import (
    ASSERTED,
    STRENGTHS,
    build_model,
    compat_method,
    need_baseline,
    need_compat,
    promise_of,
    save_encoders,
    save_inputs,
    unused,
    with_saved_encoders,
)
from kgzsl.api.knowledge import attributes_used, with_knowledge
from kgzsl.api.records import Dataset, Listener, Run
from kgzsl.api.scoring import Selection, calibrate, gates_of, settle_gate, validation_metrics
from kgzsl.api.sources import load_dataset, ontology_of, strengths_source
from kgzsl.api.states import read_states
from kgzsl.data.images import ImageSet
from kgzsl.data.labels import LabelSpace
from kgzsl.data.split import read_split
from kgzsl.errors import (
    CheckpointError,
    ConfigError,
    DataError,
    MismatchError,
    OntologyError,
    Problem,
    RunError,
)
from kgzsl.model.config import BASELINES
from kgzsl.ontology import Ontology
from kgzsl.ontology.asserted import Asserted, asserted_by, changes
from kgzsl.semantics import class_prompt, fact_swaps, read_strengths

if TYPE_CHECKING:
    from kgzsl.train.loop import EpochRecord, TrainingSet
    from kgzsl.train.masking import PromptTokens
    from kgzsl.train.run import RunConfig, RunFolder

__all__ = ["fit", "load_run"]


def _need_images(trainval: ImageSet, data: Dataset) -> None:
    """Every seen class needs two images: one is held out to choose by."""
    counts = np.bincount(trainval.labels, minlength=len(trainval.space))
    few = [(iri, counts[column]) for column, iri in enumerate(trainval.space.classes) if counts[column] < 2]
    problems = [
        Problem(f"{data.ontology.label(iri)} ({iri}) has {count} training images", expected="2 or more")
        for iri, count in few
        if iri in data.split.seen
    ]
    if problems:
        raise DataError(problems)


def _need_one_process(config: RunConfig, count: int) -> None:
    """A baseline is fitted in one process: others would write the same files."""
    if config.model.kind in BASELINES and count > 1:
        got = f"model.kind = {config.model.kind!r}, a baseline, in {count} processes"
        raise ConfigError(Problem(got, expected="one process", fix="start it without torchrun"))


def fit(config: RunConfig, folder: str | Path, *, listener: Listener | None = None) -> Run:
    """Train a model as a run file says, into a run folder.

    A killed run goes on after its last complete epoch when it is called again. Started by ``torchrun``, several
    processes train one model; the first alone writes.

    Raises:
        InputError: anything that is wrong with ontology, images, split or folder; nothing was written.
        TrainingError: the loss is not finite.
    """
    from kgzsl.train.checkpoint import save_weights
    from kgzsl.train.devices import compile_encoders, pick_device
    from kgzsl.train.duet import DuetMethod
    from kgzsl.train.footprint import footprint
    from kgzsl.train.loop import fit as fit_model
    from kgzsl.train.processes import Processes
    from kgzsl.train.run import RunFolder
    from kgzsl.train.tensorboard import need_tensorboard

    started = time.perf_counter()
    listener = listener or Listener()
    compat = config.model.kind == "duet-compat"
    if compat:
        need_compat(config)
    need_baseline(config)
    if ignored := unused(config):
        listener.notice(ignored)
    if config.train.tensorboard:
        need_tensorboard()
    device = pick_device(config.train.device)
    processes = Processes.joined(config.train.device, sharded=config.train.sharded)
    _need_one_process(config, processes.count)
    data, knowledge = with_knowledge(config, load_dataset(config, listener), listener=listener)
    run_folder = RunFolder(Path(folder))
    promise = promise_of(data.ontology, data.attributes, data.split)
    trainval = data.images.part("trainval")
    _need_images(trainval, data)
    if config.model.kind in BASELINES:
        fit_baseline(config, data, run_folder, knowledge=knowledge, listener=listener)
        return load_run(run_folder.path)
    model, tokenizer = build_model(
        config, data.attributes, data.ontology, split=data.split, array=data.images.array, graph=data.graph
    )
    selection = Selection.of(data.split, trainval)
    prompts = _prompts(config, data, model, tokenizer)
    training_set = _training_set(data, selection, trainval, prompts=prompts, swap=config.train.swapped_fact > 0)
    model.to(device)
    if config.train.compile:
        compile_encoders(model, device)
    if processes.first:
        run_folder.start(config, promise)
        save_encoders(config, model, tokenizer, run_folder.path)
        save_inputs(data, run_folder.path)
    processes.wait()
    processes.prepare(model.image_encoder)
    table = data.attributes.subset(data.split.seen)
    judged = {
        "images": trainval.array[selection.judged],
        "labels": selection.labels[selection.judged],
        "table": table,
        "training": selection.training,
    }
    validate = partial(validation_metrics, **judged)
    settle = validate if compat else partial(settle_gate, **judged, gate=config.train.gate)

    def keep(record: EpochRecord) -> None:
        if config.train.keep_epochs and (record.validation or record.phase == "refit"):
            file = run_folder.epoch(record.phase, record.epoch)
            file.parent.mkdir(exist_ok=True)
            save_weights(file, model, {"promise": promise})

    records = _recording(run_folder, config, started, listener) if processes.first else nullcontext(listener.epoch)
    with records as on_epoch:
        best = fit_model(
            model,
            training_set,
            compat_method(data, tokenizer) if compat else DuetMethod(processes),
            config=config.train,
            folder=run_folder.path,
            validate=validate,
            processes=processes,
            settle=settle,
            keep=keep,
            on_epoch=on_epoch,
            on_step=listener.step,
        )
    held_out = trainval.array[selection.held_out]
    calibration = calibrate(model, best, images=held_out, table=table, validation=data.validation)
    if processes.takes_part:
        save_weights(run_folder.checkpoint, model, {"promise": promise})
    if processes.first:
        run_folder.finish(
            calibration=calibration,
            validation=dict(best),
            knowledge=knowledge,
            **({"gate": {}} if compat else gates_of(model, data.attributes)),
            backbone=data.images.backbone,
            patches=len(model.positions),
            channels=None if data.images.array.dtype == np.uint8 else data.images.array.shape[2],
            processes=processes.count,
            **asdict(footprint(model, frozen=data.images.frozen)),
        )
    processes.wait()
    return load_run(run_folder.path)


def _prompts(config: RunConfig, data: Dataset, model: Any, tokenizer: Any) -> PromptTokens:
    """What each seen class's facts say, tokenized; as long as the budget and the text encoder let it."""
    from kgzsl.train.masking import tokenize_prompts

    texts = [class_prompt(iri, data.attributes, data.ontology) for iri in data.split.seen]
    columns = {attribute: column for column, attribute in enumerate(data.attributes.attributes)}
    budget = config.semantics.token_budget
    if config.model.kind != "duet-compat":
        budget = min(budget, model.text_encoder.limit)
    return tokenize_prompts(texts, tokenizer, columns=columns, budget=budget)


def _training_set(
    data: Dataset, selection: Selection, trainval: ImageSet, *, prompts: PromptTokens, swap: bool
) -> TrainingSet:
    """Images, labels, attributes and prompts of the seen classes, as tensors."""
    import torch

    from kgzsl.train.loop import TrainingSet

    table = data.attributes.subset(data.split.seen)
    degree, known, value = map(torch.from_numpy, (table.degree, table.known, table.value))
    return TrainingSet(
        array=trainval.array,
        labels=selection.labels,
        value=degree,
        known=known,
        stated=value,
        states={source: torch.from_numpy(table) for source, table in table.states.items()},
        prompts=prompts,
        training=selection.training,
        held_out=selection.held_out,
        swaps=fact_swaps(table) if swap else None,
    )


@contextmanager
def _recording(
    folder: RunFolder, config: RunConfig, started: float, listener: Listener
) -> Iterator[Callable[[EpochRecord], None]]:
    """What takes the record of every epoch, while the run's time is counted."""
    from kgzsl.train.tensorboard import event_files

    with folder.timed(started), event_files(folder.path, config.train) as write_events:

        def on_epoch(record: EpochRecord) -> None:
            write_events(record)
            listener.epoch(record)

        yield on_epoch


def _changed(folder: RunFolder, ontology: Ontology) -> str:
    """What an ontology says otherwise than the one that a run was trained on, where the run has kept that."""
    try:
        before = Asserted.from_bytes((folder.path / ASSERTED).read_bytes())
    except (OSError, ValueError):  # trained before this was kept, or damaged
        return ""
    if before.digest != folder.state()["promise"]["ontology"]:
        return ""
    return f": {', '.join(changes(before, asserted_by(ontology)))}"


def load_run(folder: str | Path, *, ontology: str | Path | None = None) -> Run:
    """Load a trained run.

    Args:
        folder: what :func:`fit` wrote.
        ontology: another place of the ontology that it was trained on.

    Raises:
        RunError: no run there, or not trained to its end.
        CheckpointError: truncated or foreign weights.
        MismatchError: the ontology or split is not the one that the run was trained on; says what the ontology asserts
            otherwise.
    """
    from kgzsl.train.checkpoint import load_weights
    from kgzsl.train.devices import pick_device
    from kgzsl.train.run import RunFolder, read_config

    run_folder = RunFolder(Path(folder))
    facts = run_folder.state()
    if not facts["complete"]:
        raise RunError(
            Problem("not trained to its end", file=folder, fix="run the same `kgzsl train` again: it goes on")
        )
    config = with_saved_encoders(read_config(run_folder.path / "config.toml"), run_folder.path)
    if not (run_folder.path / STRENGTHS).is_file() and strengths_source(config) == "published":
        # Trained before published strengths were the default.
        config = replace(config, semantics=replace(config.semantics, strengths="none"))
    if ontology:
        config = replace(config, ontology=replace(config.ontology, files=(str(ontology),)))
    entailed = ontology_of(config)
    file = run_folder.path / STRENGTHS
    strengths = read_strengths(file) if file.is_file() else None
    split = read_split(run_folder.path / "split.json", resolve=str)
    space = LabelSpace((*split.seen, *split.unseen))
    states = read_states(run_folder.path)
    knowledge = facts.get("knowledge", {"facts": config.semantics.facts})
    try:
        attributes = attributes_used(config, entailed, space, knowledge, strengths=strengths)
    except OntologyError as error:
        got = f"the ontology lacks classes of the run{_changed(run_folder, entailed)}"
        raise MismatchError([Problem(got, file=folder), *error.problems]) from error
    attributes = replace(attributes, states={source: s.table for source, s in states.items()})
    promise = promise_of(entailed, attributes, split)
    problems = [
        Problem(
            f"not the {part} that the run was trained on{_changed(run_folder, entailed) if part == 'ontology' else ''}",
            expected=f"sha256 {facts['promise'][part][:12]}...",
            fix="give the right one with --ontology, or train again",
            file=folder,
        )
        for part in promise
        if promise[part] != facts["promise"][part]
    ]
    if problems:
        raise MismatchError(problems)
    model, _ = build_model(config, attributes, entailed, split=split, saved=run_folder)
    if load_weights(run_folder.checkpoint, model).get("promise") != facts["promise"]:
        raise CheckpointError(Problem("the weights are those of another run", file=run_folder.checkpoint))
    model.to(pick_device("" if config.train.device == "cuda" else config.train.device)).eval()
    return Run(config, entailed, attributes, split, space, model, facts["calibration"]["gamma"], facts, run_folder)
