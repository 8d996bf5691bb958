"""A frozen, pretrained image backbone that turns images into patch features, cached on disk."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from kgzsl.data.images import read_pixels, unreadable
from kgzsl.data.pretrained import load_pretrained
from kgzsl.errors import ConfigError, FailureError, ImageError, Problem

if TYPE_CHECKING:
    import torch

__all__ = ["PatchBackbone", "cache_folder", "cached_features", "load_backbone", "patch_tokens"]

Progress = Callable[[int, int], None]


def cache_folder() -> Path:
    """Where computed data is kept: ``$KGZSL_CACHE``, else ``$XDG_CACHE_HOME/kgzsl``, else ``~/.cache/kgzsl``."""
    if "KGZSL_CACHE" in os.environ:
        return Path(os.environ["KGZSL_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "kgzsl"


def patch_tokens(hidden: torch.Tensor, *, patches: int | None = None) -> torch.Tensor:
    """Patch tokens ``(image, patch, channel)`` of a backbone's last hidden state.

    Feature maps ``(image, channel, row, column)`` are read row by row; of token sequences
    the class and register tokens, which stand in front, are dropped.

    Args:
        hidden: last hidden state.
        patches: number of patches, where the sequence holds other tokens before them;
            by default the largest square that the sequence has room for.

    Example:
        >>> import torch
        >>> patch_tokens(torch.zeros(2, 8, 7, 7)).shape, patch_tokens(torch.zeros(2, 197, 8)).shape
        (torch.Size([2, 49, 8]), torch.Size([2, 196, 8]))
    """
    if hidden.ndim == 4:
        return hidden.flatten(2).transpose(1, 2)
    patches = patches or int(hidden.shape[1] ** 0.5) ** 2
    return hidden[:, hidden.shape[1] - patches :]


@dataclass(frozen=True, eq=False)
class PatchBackbone:
    """A transformers vision model with its preprocessing.

    Args:
        module: the network; ``module(pixel_values).last_hidden_state``.
        name: the folder's name or the hub id.
        size: side of the square input in pixels.
        resize: the shorter side is first scaled to this many pixels.
        mean: per channel, subtracted after scaling to [0, 1].
        std: per channel, divided by.
        digest: sha256 over weights and preprocessing.
    """

    module: torch.nn.Module
    name: str
    size: int
    resize: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    digest: str

    @property
    def parameters(self) -> int:
        """How many it has."""
        return sum(p.numel() for p in self.module.parameters())

    def pixel_values(self, pixels: np.ndarray) -> torch.Tensor:
        """uint8 ``(image, height, width, 3)`` to normalized float ``(image, 3, height, width)``."""
        import torch

        values = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
        mean, std = (torch.tensor(v).view(1, -1, 1, 1) for v in (self.mean, self.std))
        return (values - mean) / std

    def features(self, paths: Sequence[str | Path]) -> np.ndarray:
        """Patch features of image files, float16 ``(image, patch, channel)``."""
        import torch

        pixels = read_pixels(paths, size=self.resize)
        start = (self.resize - self.size) // 2
        pixels = pixels[:, start : start + self.size, start : start + self.size]
        with torch.inference_mode():
            hidden = self.module(pixel_values=self.pixel_values(pixels)).last_hidden_state
            return patch_tokens(hidden).to(torch.float16).numpy()


def load_backbone(source: str | Path) -> PatchBackbone:
    """Load a transformers vision backbone from a local folder or by hub id, ready for inference.

    Raises:
        ConfigError: not a folder that transformers reads, or a hub id that cannot be had.
    """
    module, fresh = load_pretrained(source, what="backbone")
    # Many published backbones come without their pooler, which is not used; it is then random.
    lost = sorted(key for key in fresh if "pooler" not in key)
    if lost:
        got = f"{len(lost)} weights are missing from {source}, {lost[0]} for one"
        raise ConfigError(Problem(got, expected="weights of the model that config.json names"))
    processing = _preprocessing(source, image_size=getattr(module.config, "image_size", 224))
    weights = hashlib.sha256(json.dumps(processing, sort_keys=True).encode())
    for key, value in sorted(module.state_dict().items()):
        if key not in fresh:
            weights.update(key.encode())
            weights.update(value.numpy().tobytes())
    module = getattr(module, "vision_model", module).eval().requires_grad_(False)
    return PatchBackbone(module=module, name=Path(source).name, digest=weights.hexdigest(), **processing)


def _preprocessing(source: str | Path, *, image_size: int) -> dict[str, Any]:
    """Size, resize, mean and std from preprocessor_config.json, in transformers' several spellings."""
    from transformers.image_processing_base import ImageProcessingMixin

    try:
        stated, _ = ImageProcessingMixin.get_image_processor_dict(source)
    except OSError:
        stated = {}
    crop, size = stated.get("crop_size"), stated.get("size", image_size)
    resize = size if isinstance(size, int) else size.get("shortest_edge", size.get("height"))
    side = resize
    if stated.get("do_center_crop", False) and crop is not None:
        side = crop if isinstance(crop, int) else crop["height"]
    mean, std = stated.get("image_mean", [0.5] * 3), stated.get("image_std", [0.5] * 3)
    return {"size": side, "resize": max(resize, side), "mean": tuple(mean), "std": tuple(std)}


def cached_features(
    paths: Sequence[Path], backbone: PatchBackbone, *, batch_size: int = 32, progress: Progress | None = None
) -> np.ndarray:
    """Patch features of many files, computed once and memory-mapped from the cache thereafter.

    The cache is keyed by the backbone's weights and preprocessing and by the content of every
    file; it is complete or not used. A killed computation goes on where it stopped.

    Args:
        paths: image files; rows come in this order.
        backbone: what computes them.
        batch_size: images at a time.
        progress: called with (images done, images in all).

    Returns:
        float16 ``(image, patch, channel)``, read-only.

    Raises:
        ImageError: every file that is missing or not an image; nothing is kept.
        FailureError: the disk is full; what was computed is kept.
    """
    key = hashlib.sha256(backbone.digest.encode())
    try:
        for path in paths:
            key.update(hashlib.sha256(path.read_bytes()).digest())
    except OSError:
        raise ImageError(unreadable(paths)) from None
    entry = f"{backbone.name}-{key.hexdigest()[:16]}"
    target = cache_folder() / "features" / entry
    if not (target / "features.npy").is_file():
        try:
            _build(paths, backbone, target, batch_size=batch_size, progress=progress)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            fix = "make room, or set KGZSL_CACHE to a folder on another disk; what is done is kept"
            raise FailureError(Problem("no space is left on the disk", fix=fix, file=target.parent)) from None
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
