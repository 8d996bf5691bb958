"""A frozen, pretrained image backbone that turns images into patch features, cached on disk."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from kgzsl.data.cache import cache_folder
from kgzsl.data.decoding import is_plain
from kgzsl.data.images import unreadable
from kgzsl.data.preprocessing import Preprocessing, read_preprocessing
from kgzsl.data.pretrained import load_pretrained
from kgzsl.errors import ConfigError, ImageError, Problem, full_disk_said

if TYPE_CHECKING:
    import torch

__all__ = [
    "PatchBackbone",
    "cached_features",
    "load_backbone",
    "patch_tokens",
    "patches_and_channels",
    "tokens_in_front",
    "vision_tower",
]

Progress = Callable[[int, int], None]
IN_FRONT = ("cls_token", "class_embedding", "distillation_token", "register_tokens")
"""What transformers calls the learned tokens that stand before the patches."""
DECODING = b"upright, on white, 16 bits"
"""How files are decoded that are more than plain RGB: another decoding, another cache."""


def patch_tokens(hidden: torch.Tensor, *, in_front: int = 0) -> torch.Tensor:
    """Patch tokens ``(image, patch, channel)`` of a backbone's last hidden state, row by row of a square grid.

    Feature maps ``(image, channel, row, column)`` are read row by row; of token sequences
    the class and register tokens, which stand in front, are dropped.

    Args:
        hidden: last hidden state.
        in_front: how many tokens of a sequence are no patches: see :func:`tokens_in_front`.

    Raises:
        ConfigError: the grid is not square.

    Example:
        >>> import torch
        >>> patch_tokens(torch.zeros(2, 8, 7, 7)).shape, patch_tokens(torch.zeros(2, 197, 8), in_front=1).shape
        (torch.Size([2, 49, 8]), torch.Size([2, 196, 8]))
    """
    if hidden.ndim == 4:
        rows, columns = hidden.shape[2:]
        tokens = hidden.flatten(2).transpose(1, 2)
    else:
        tokens = hidden[:, in_front:]
        rows = columns = math.isqrt(tokens.shape[1])
    if rows * columns != tokens.shape[1] or rows != columns or not rows:
        got = f"{rows} x {columns} patches" if hidden.ndim == 4 else f"{tokens.shape[1]} patches"
        raise ConfigError(Problem(got, expected="a square grid of patches", fix="take another image encoder"))
    return tokens


def tokens_in_front(module: torch.nn.Module) -> int:
    """How many tokens a transformers vision model puts before those of the patches.

    They are learned, so the parameters tell: a class token, DeiT's distillation token, DINO's registers. The
    convolutional DINOv3, which has none of these, puts its pooled state there.

    Example:
        >>> from transformers import DeiTConfig, DeiTModel
        >>> small = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
        >>> tokens_in_front(DeiTModel(DeiTConfig(**small)))
        2
    """
    if getattr(module.config, "model_type", "") == "dinov3_convnext":
        return 1
    learned = {name.rpartition(".")[2]: value for name, value in module.named_parameters()}
    return sum(learned[name].numel() // learned[name].shape[-1] for name in IN_FRONT if name in learned)


@dataclass(frozen=True, eq=False)
class PatchBackbone:
    """A transformers vision model with its preprocessing.

    Args:
        module: the network; ``module(pixel_values).last_hidden_state``.
        name: the folder's name or the hub id.
        preprocessing: what makes its input.
        digest: sha256 over weights and preprocessing.
        in_front: tokens of its sequences that are no patches.
    """

    module: torch.nn.Module
    name: str
    preprocessing: Preprocessing
    digest: str
    in_front: int = 0

    @property
    def parameters(self) -> int:
        """How many it has."""
        return sum(p.numel() for p in self.module.parameters())

    @property
    def device(self) -> torch.device:
        """Where it computes; what it gives is on the CPU."""
        return _device_of(self.module)

    def features(self, paths: Sequence[str | Path]) -> np.ndarray:
        """Patch features of image files, float16 ``(image, patch, channel)``.

        Raises:
            ImageError: every file that is not an image, or else every one whose features float16 cannot hold.
        """
        return self.encode(self.preprocessing.read(paths), names=paths)

    def encode(self, pixels: np.ndarray, *, names: Sequence[str | Path] = ()) -> np.ndarray:
        """Patch features, float16 ``(image, patch, channel)``, of uint8 ``(image, height, width, 3)``.

        Args:
            pixels: scaled and cut as its preprocessing says.
            names: of the images, for an error; by default their numbers.

        Raises:
            ImageError: every image whose features float16 cannot hold.
        """
        import torch

        with torch.inference_mode():
            values = self.preprocessing.normalize(torch.from_numpy(pixels).to(self.device))
            hidden = self.module(pixel_values=values).last_hidden_state
            features = patch_tokens(hidden, in_front=self.in_front).to(torch.float16).cpu().numpy()
        whole = np.isfinite(features).all((1, 2))
        if not whole.all():
            fix = f"leave the image out, or take another backbone than {self.name}"
            expected = "features that float16 holds, up to 65,504"
            raise ImageError(
                Problem(
                    "its features are larger, or no numbers",
                    expected=expected,
                    fix=fix,
                    file=names[row] if names else f"image {row}",
                )
                for row in np.flatnonzero(~whole).tolist()
            )
        return features

    def attention_maps(self, pixels: np.ndarray) -> tuple[torch.Tensor, ...]:
        """Attention of every layer, ``(image, head, query, key)``; the tokens in front come first.

        Args:
            pixels: uint8 ``(image, height, width, 3)``.

        Raises:
            ConfigError: the model gives none: it has no attention, or was not loaded with ``eager``.
        """
        import torch

        with torch.inference_mode():
            values = self.preprocessing.normalize(torch.from_numpy(pixels).to(self.device))
            try:
                maps = getattr(self.module(pixel_values=values, output_attentions=True), "attentions", None)
            except TypeError:  # a network of convolutions, which has no such argument
                maps = None
        # Fused attention keeps no maps, and transformers then returns none without a word.
        if not maps or any(layer is None for layer in maps):
            fix = "load it with load_backbone(source, eager=True), or take a transformer"
            raise ConfigError(Problem(f"{self.name} gives no attention maps", expected="one for each layer", fix=fix))
        return tuple(layer.cpu() for layer in maps)


def load_backbone(source: str | Path, *, eager: bool = False, device: str | torch.device = "") -> PatchBackbone:
    """Load a transformers vision backbone from a local folder or by hub id, ready for inference.

    Args:
        source: a folder or a hub id; of a model of images and texts, its vision tower.
        eager: attention in plain steps, for :meth:`PatchBackbone.attention_maps`.
        device: where it computes; by default the GPU where there is one, else the CPU.

    Raises:
        ConfigError: not a folder that transformers reads, a hub id that cannot be had, no vision model, or one that
            does not read the images that its preprocessing makes.
    """
    import torch

    module, fresh = load_pretrained(source, what="backbone", eager=eager)
    processing = read_preprocessing(source)
    weights = hashlib.sha256(json.dumps(asdict(processing), sort_keys=True).encode())
    for key, value in sorted(module.state_dict().items()):
        if key not in fresh:
            weights.update(key.encode())
            weights.update(value.numpy().tobytes())
    tower = vision_tower(module, source).eval().requires_grad_(False)
    in_front = tokens_in_front(tower)
    weights.update(bytes(in_front))
    tower.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    patches_and_channels(tower, processing, source)
    return PatchBackbone(tower, Path(source).name, processing, digest=weights.hexdigest(), in_front=in_front)


def vision_tower(module: torch.nn.Module, source: str | Path) -> torch.nn.Module:
    """What reads the pixels: the model itself, or its vision half.

    Raises:
        ConfigError: it reads no pixels.
    """
    tower = getattr(module, "vision_model", module)
    if getattr(tower, "main_input_name", None) != "pixel_values":
        got = f"{source} is a {type(tower).__name__}, which reads no pixels"
        raise ConfigError(Problem(got, expected="a vision model", fix="take another image encoder"))
    return tower


def patches_and_channels(tower: torch.nn.Module, preprocessing: Preprocessing, source: str | Path) -> tuple[int, int]:
    """What a vision model makes of an image, found by trying with a black one: how many patches, and their width.

    Trying tells models whose position embeddings are for one size of image from those that read any.

    Args:
        tower: in evaluation mode.
        preprocessing: that makes its images.
        source: where both are from, for the message.

    Raises:
        ConfigError: its preprocessing makes images of a size that it does not read, it needs more than pixels, or its
            patches are no square grid.
    """
    import torch

    side = preprocessing.size
    try:
        with torch.no_grad():
            black = preprocessing.normalize(torch.zeros(1, side, side, 3, device=_device_of(tower)))
            hidden = tower(pixel_values=black).last_hidden_state
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, TypeError, ValueError) as error:
        if said := _unread(tower, side, source):
            raise said from error
        raise
    _, patches, channels = patch_tokens(hidden, in_front=tokens_in_front(tower)).shape
    return patches, channels


def _device_of(module: torch.nn.Module) -> torch.device:
    """Where a network's weights are; the CPU where it has none."""
    import torch

    return next((p.device for p in module.parameters()), torch.device("cpu"))


def _unread(tower: torch.nn.Module, side: int, source: str | Path) -> ConfigError | None:
    """Why a model does not read images of a size; None where it is not known."""
    import inspect

    own = getattr(tower.config, "image_size", None)
    own = own[0] if isinstance(own, (list, tuple)) and own else own
    if isinstance(own, int) and own != side:
        got = f"{source} scales images to {side} x {side} pixels, but its model reads {own} x {own} alone"
        fix = f"set size (or crop_size, where it cuts) in its preprocessor_config.json to {own}, or take another model"
        return ConfigError(Problem(got, expected="one size", fix=fix))
    parameters = inspect.signature(tower.forward).parameters.values()
    needs = [p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    if more := [name for name in needs if name != "pixel_values"]:
        got = f"{source} is a {type(tower).__name__}, which needs {' and '.join(more)} beside the pixels"
        expected = (
            "a model of square images, such as ViT, DeiT, DINO, CLIP, SigLIP, Swin, ConvNeXt, ResNet or MobileNet"
        )
        return ConfigError(Problem(got, expected=expected, fix="take another image encoder"))
    return None


def cached_features(
    paths: Sequence[Path], backbone: PatchBackbone, *, batch_size: int = 32, progress: Progress | None = None
) -> np.ndarray:
    """Patch features of many files, computed once and memory-mapped from the cache thereafter.

    The cache is keyed by the backbone's weights and preprocessing, by the content of every file, and by how files are
    decoded that are more than plain RGB; it is complete or not used. A killed computation goes on where it stopped.

    Args:
        paths: image files; rows come in this order.
        backbone: what computes them.
        batch_size: images at a time.
        progress: called with (images done, images in all).

    Returns:
        float16 ``(image, patch, channel)``, read-only.

    Raises:
        ImageError: every file that is missing or not an image, or whose features float16 cannot hold; nothing is kept.
        FailureError: the disk is full; what was computed is kept.
    """
    key = hashlib.sha256(backbone.digest.encode())
    try:
        for path in paths:
            content = path.read_bytes()
            key.update(hashlib.sha256(content).digest())
            if not is_plain(content):
                key.update(DECODING)
    except OSError:
        raise ImageError(unreadable(paths)) from None
    entry = f"{backbone.name}-{key.hexdigest()[:16]}"
    target = cache_folder() / "features" / entry
    if not (target / "features.npy").is_file():
        fix = "make room, or set KGZSL_CACHE to a folder on another disk; what is done is kept"
        with full_disk_said(target.parent, fix=fix):
            _build(paths, backbone, target, batch_size=batch_size, progress=progress)
    return np.load(target / "features.npy", mmap_mode="r")


def _build(
    paths: Sequence[Path], backbone: PatchBackbone, target: Path, *, batch_size: int, progress: Progress | None
) -> None:
    """Compute what is still missing of a cache entry, and make it complete; one process at a time."""
    working = target.parent / f".part-{target.name}"
    working.mkdir(parents=True, exist_ok=True)
    with (target.parent / f".lock-{target.name}").open("w") as lock:
        _wait_for(lock)
        if not (target / "features.npy").is_file():
            working.mkdir(exist_ok=True)
            try:
                _compute(paths, backbone, working / "features.npy", batch_size=batch_size, progress=progress)
            except ImageError:
                shutil.rmtree(working, ignore_errors=True)
                Path(lock.name).unlink(missing_ok=True)
                raise
            if target.is_dir():  # without its features
                shutil.rmtree(target)
            working.rename(target)
        shutil.rmtree(working, ignore_errors=True)
        Path(lock.name).unlink(missing_ok=True)


def _wait_for(lock: IO[str]) -> None:
    """Wait until no other process computes the same entry; systems without file locks do not wait."""
    try:
        import fcntl
    except ImportError:
        return
    fcntl.flock(lock, fcntl.LOCK_EX)


def _compute(
    paths: Sequence[Path], backbone: PatchBackbone, out: Path, *, batch_size: int, progress: Progress | None
) -> None:
    """Append the features of the files that are not in a .npy file yet, batch by batch.

    Written in order and not through a memory map, so that the length says what is done, and a full disk is an error
    and no signal.
    """
    done, header = _done(out, len(paths))
    bad: list[Problem] = []
    with out.open("r+b" if done else "wb") as file:
        for start in range(done, len(paths), batch_size):
            batch = paths[start : start + batch_size]
            try:
                features = backbone.features(batch)
            except ImageError as error:
                # The others are only looked at: one report names all.
                bad = [*error.problems, *unreadable(paths[start + batch_size :])]
                break
            if not header:
                shape = (len(paths), *features.shape[1:])
                layout = {"descr": "<f2", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, layout)
                header = file.tell()
            row_bytes = features[0].nbytes
            file.seek(header + start * row_bytes)
            file.write(features.astype("<f2", copy=False).tobytes())
            file.flush()
            if progress:
                progress(min(start + batch_size, len(paths)), len(paths))
        file.flush()
        os.fsync(file.fileno())
    if bad:
        raise ImageError(bad)


def _done(out: Path, count: int) -> tuple[int, int]:
    """Whole rows in an unfinished .npy file, and the bytes of its header; (0, 0) where it holds nothing of use."""
    try:
        with out.open("rb") as file:
            np.lib.format.read_magic(file)
            shape, _, kind = np.lib.format.read_array_header_1_0(file)
            header = file.tell()
    except (OSError, ValueError):
        return 0, 0
    if shape[0] != count or kind != np.dtype("<f2"):
        return 0, 0
    rows = (out.stat().st_size - header) // (int(np.prod(shape[1:])) * kind.itemsize)
    return (rows, header) if rows else (0, 0)
