"""Frozen backbones: patch tokens, preprocessing, and a cache that is complete or not used."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from kgzsl.data.backbone import PatchBackbone, cached_features, load_backbone, patch_tokens
from kgzsl.data.cache import cache_folder
from kgzsl.data.preprocessing import Preprocessing
from kgzsl.errors import ConfigError, FailureError, ImageError


class FakeNetwork(torch.nn.Module):
    """Mean color of each quarter of the image, as a feature map; counts its calls, and fails when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.fails_at = -1

    def forward(self, pixel_values: torch.Tensor) -> SimpleNamespace:
        self.calls += 1
        if self.calls == self.fails_at:
            raise KeyboardInterrupt
        return SimpleNamespace(last_hidden_state=torch.nn.functional.adaptive_avg_pool2d(pixel_values, 2))


Fake = Callable[..., PatchBackbone]


@pytest.fixture
def fake() -> Fake:
    def make(digest: str = "d1") -> PatchBackbone:
        return PatchBackbone(FakeNetwork(), "fake", Preprocessing(16, 16, (0.5,) * 3, (0.5,) * 3), digest)

    return make


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.setenv("KGZSL_CACHE", str(tmp_path / "cache"))
    files = [tmp_path / f"{k}.png" for k in range(5)]
    for k, file in enumerate(files):
        Image.new("RGB", (16, 16), (50 * k, 0, 255 - 50 * k)).save(file)
    return files


def entries() -> list[str]:
    return sorted(p.name for p in (cache_folder() / "features").iterdir())


def test_feature_maps_are_read_row_by_row() -> None:
    maps = torch.arange(2 * 3 * 4 * 4).reshape(2, 3, 4, 4)
    tokens = patch_tokens(maps)
    assert tokens.shape == (2, 16, 3)
    assert torch.equal(tokens[1, 4 * 2 + 3], maps[1, :, 2, 3])


@pytest.mark.parametrize(("grid", "in_front"), [(14, 0), (14, 1), (16, 5), (7, 5), (2, 5)])
def test_class_and_register_tokens_are_dropped(grid: int, in_front: int) -> None:
    tokens = torch.arange(in_front + grid**2, dtype=torch.float).reshape(1, -1, 1)
    assert torch.equal(patch_tokens(tokens, in_front=in_front), tokens[:, in_front:])


@pytest.mark.parametrize("hidden", [torch.zeros(1, 3, 2, 4), torch.zeros(1, 8, 3), torch.zeros(1, 1, 3)])
def test_a_grid_that_is_not_square(hidden: torch.Tensor) -> None:
    with pytest.raises(ConfigError, match="square grid"):
        patch_tokens(hidden, in_front=1)


def test_the_cache_is_where_it_is_told_to_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KGZSL_CACHE", str(tmp_path / "a"))
    assert cache_folder() == tmp_path / "a"
    monkeypatch.delenv("KGZSL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    assert cache_folder() == tmp_path / "b" / "kgzsl"
    monkeypatch.setenv("KGZSL_CACHE", "")  # not the current folder
    assert cache_folder() == tmp_path / "b" / "kgzsl"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache_folder() == Path.home() / ".cache" / "kgzsl"


def test_features_are_computed_once_and_in_order(paths: list[Path], fake: Fake) -> None:
    backbone, seen = fake(), []
    first = cached_features(paths, backbone, batch_size=2, progress=lambda *done: seen.append(done))
    assert (first.shape, first.dtype) == ((5, 4, 3), np.float16)
    assert seen == [(2, 5), (4, 5), (5, 5)]
    for k, row in enumerate(first):
        assert np.allclose(row, np.array([50 * k, 0, 255 - 50 * k]) / 127.5 - 1, atol=2e-3)
    assert not first.flags.writeable
    again = cached_features(paths, backbone, batch_size=2, progress=lambda *done: seen.append(done))
    assert np.array_equal(first, again)
    assert (backbone.module.calls, len(seen)) == (3, 3)


def test_the_cache_goes_by_content_and_weights(paths: list[Path], fake: Fake) -> None:
    cached_features(paths, fake())
    renamed = paths[0].rename(paths[0].with_name("other-name.png"))
    same = fake()
    cached_features([renamed, *paths[1:]], same)
    assert same.module.calls == 0
    changes: list[tuple[list[Path], PatchBackbone]] = [
        ([renamed, *paths[1:]], fake("d2")),
        ([*paths[1:], renamed], fake()),
        (paths[1:], fake()),
    ]
    for files, backbone in changes:
        cached_features(files, backbone)
        assert backbone.module.calls == 1
    Image.new("RGB", (16, 16), (1, 2, 3)).save(renamed)
    edited = fake()
    features = cached_features([renamed, *paths[1:]], edited)
    assert edited.module.calls == 1
    assert np.allclose(features[0], np.array([1, 2, 3]) / 127.5 - 1, atol=2e-3)


def test_cached_features_of_plain_images_stay_good(paths: list[Path], fake: Fake) -> None:
    def entry(files: list[Path]) -> str:
        """What the cache called them when nothing was turned."""
        key = hashlib.sha256(fake().digest.encode())
        for file in files:
            key.update(hashlib.sha256(file.read_bytes()).digest())
        return f"fake-{key.hexdigest()[:16]}"

    cached_features(paths, fake())
    assert entries() == [entry(paths)]
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (16, 16), (1, 2, 3)).save(paths[0], exif=exif)
    cached_features(paths, fake())
    assert len(entries()) == 2
    assert entry(paths) not in entries()


def test_an_interrupted_computation_goes_on_where_it_stopped(paths: list[Path], fake: Fake) -> None:
    expected = np.array(cached_features(paths, fake("other"), batch_size=2))
    backbone = fake()
    backbone.module.fails_at = 2
    with pytest.raises(KeyboardInterrupt):
        cached_features(paths, backbone, batch_size=2)
    assert [name for name in entries() if not name.startswith((".part-", ".lock-", "fake-"))] == []
    again, seen = fake(), []
    features = cached_features(paths, again, batch_size=2, progress=lambda *done: seen.append(done))
    assert (again.module.calls, seen) == (2, [(4, 5), (5, 5)])
    assert np.array_equal(features, expected)
    assert len(entries()) == 2  # of the two backbones, and nothing unfinished


@pytest.mark.parametrize("left", [0, 20, 130, 128 + 24, 128 + 24 + 7, 10_000])
def test_a_file_that_was_cut_anywhere_is_gone_on_with(left: int, paths: list[Path], fake: Fake) -> None:
    """A row is 4 patches of 3 channels of 2 bytes, behind a header of 128 bytes."""
    expected = np.array(cached_features(paths, fake(), batch_size=2))
    (entry,) = (cache_folder() / "features").iterdir()
    content = (entry / "features.npy").read_bytes()
    assert len(content) == 128 + 5 * 24
    entry.rename(entry.with_name(f".part-{entry.name}"))
    (entry.with_name(f".part-{entry.name}") / "features.npy").write_bytes(content[:left])
    backbone = fake()
    assert np.array_equal(cached_features(paths, backbone, batch_size=2), expected)
    whole = max(0, min(5, (left - 128) // 24))
    assert backbone.module.calls == -(-(5 - whole) // 2)
    assert entries() == [entry.name]


KILLED = """
import os, signal, sys
from pathlib import Path
import torch
from kgzsl.data.backbone import PatchBackbone, cached_features
from kgzsl.data.cache import cache_folder
from kgzsl.data.preprocessing import Preprocessing

class Network(torch.nn.Module):
    calls = 0
    def forward(self, pixel_values):
        self.calls += 1
        if self.calls == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        class Out:
            last_hidden_state = torch.nn.functional.adaptive_avg_pool2d(pixel_values, 2)
        return Out

backbone = PatchBackbone(Network(), "fake", Preprocessing(16, 16, (0.5,) * 3, (0.5,) * 3), "d1")
cached_features([Path(p) for p in sys.argv[1:]], backbone, batch_size=2)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_process_is_gone_on_with(paths: list[Path], fake: Fake) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, *map(str, paths)], check=False)
    assert done.returncode == -9
    backbone = fake()
    features = cached_features(paths, backbone, batch_size=2)
    assert backbone.module.calls == 1
    assert np.array_equal(features, cached_features(paths, fake("d2"), batch_size=2))


def test_an_unfinished_file_of_other_images_is_not_gone_on_with(paths: list[Path], fake: Fake) -> None:
    backbone = fake()
    backbone.module.fails_at = 2
    with pytest.raises(KeyboardInterrupt):
        cached_features(paths, backbone, batch_size=2)
    Image.new("RGB", (16, 16), (1, 2, 3)).save(paths[0])
    features = cached_features(paths, fake(), batch_size=2)
    assert np.allclose(features[0], np.array([1, 2, 3]) / 127.5 - 1, atol=2e-3)


def test_a_full_disk_is_said_and_what_is_done_is_kept(
    paths: list[Path], fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    import kgzsl.data.backbone as module

    backbone = fake()
    real = PatchBackbone.features

    def full(self: PatchBackbone, batch: Any) -> np.ndarray:
        if self.module.calls == 2:
            raise OSError(28, "No space left on device")
        return real(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(module.PatchBackbone, "features", full)
        with pytest.raises(FailureError, match="no space is left on the disk; make room, or set KGZSL_CACHE") as caught:
            cached_features(paths, backbone, batch_size=2)
    assert caught.value.exit_status == 1
    again = fake()
    assert cached_features(paths, again, batch_size=2).shape == (5, 4, 3)
    assert again.module.calls == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_writing_to_a_full_disk(paths: list[Path], fake: Fake) -> None:
    backbone = fake()
    backbone.module.fails_at = 1
    with pytest.raises(KeyboardInterrupt):
        cached_features(paths, backbone)
    (part,) = (cache_folder() / "features").glob(".part-*")
    (part / "features.npy").unlink(missing_ok=True)
    (part / "features.npy").symlink_to("/dev/full")
    with pytest.raises(FailureError, match="no space is left on the disk"):
        cached_features(paths, fake())


def test_features_that_float16_cannot_hold_are_named_and_nothing_is_kept(paths: list[Path], fake: Fake) -> None:
    large = fake()
    large.module.forward = lambda pixel_values: SimpleNamespace(  # three images have a bright channel
        last_hidden_state=torch.nn.functional.adaptive_avg_pool2d(pixel_values + 1, 2) * 50_000
    )
    with pytest.raises(
        ImageError, match="its features are larger, or no numbers; expected features that float1"
    ) as caught:
        cached_features(paths, large, batch_size=5)
    assert [p.file for p in caught.value.problems] == [paths[0], paths[1], paths[4]]
    assert entries() == []
    with pytest.raises(ImageError, match="image 1: its features are larger"):
        large.encode(np.stack([np.zeros((16, 16, 3), np.uint8), np.full((16, 16, 3), 255, np.uint8)]))


def test_two_processes_compute_once(paths: list[Path], fake: Fake) -> None:
    import threading

    backbones = [fake(), fake(), fake()]
    results: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda b=b: results.append(cached_features(paths, b, batch_size=1)))  # type: ignore
        for b in backbones
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    assert all(np.array_equal(results[0], r) for r in results)
    assert len([name for name in entries() if not name.startswith(".")]) == 1


def test_files_that_are_no_images_are_named_and_nothing_is_kept(paths: list[Path], fake: Fake) -> None:
    paths[1].write_text("not an image")
    paths[4].write_text("not an image")
    with pytest.raises(ImageError) as caught:
        cached_features(paths, fake(), batch_size=2)
    assert [p.file for p in caught.value.problems] == [paths[1], paths[4]]
    assert entries() == []
    paths[2].unlink()
    with pytest.raises(ImageError, match="no such image") as caught:
        cached_features(paths, fake(), batch_size=2)
    assert len(caught.value.problems) == 3


@pytest.fixture(scope="module")
def vit_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import ViTConfig, ViTImageProcessor, ViTModel

    folder = tmp_path_factory.mktemp("vit")
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    ViTModel(ViTConfig(**shape, image_size=16, patch_size=8), add_pooling_layer=False).save_pretrained(folder)
    ViTImageProcessor(size={"height": 16, "width": 16}, image_mean=[0.4] * 3, image_std=[0.2] * 3).save_pretrained(
        folder
    )
    return folder


def test_a_transformers_folder(vit_folder: Path, paths: list[Path]) -> None:
    backbone = load_backbone(vit_folder)
    assert backbone.preprocessing == Preprocessing(16, 16, (0.4,) * 3, (0.2,) * 3, squash=True, resample=2)
    assert not any(p.requires_grad for p in backbone.module.parameters())
    features = backbone.features(paths)
    values = torch.from_numpy(np.stack([np.asarray(Image.open(p)) for p in paths])).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        expected = backbone.module(pixel_values=(values - 0.4) / 0.2).last_hidden_state[:, 1:]
    assert np.allclose(features, expected.numpy(), atol=2e-2)
    assert load_backbone(str(vit_folder)).digest == backbone.digest


def test_the_digest_goes_by_the_weights(vit_folder: Path, tmp_path: Path) -> None:
    backbone: Any = load_backbone(vit_folder)
    with torch.no_grad():
        backbone.module.embeddings.cls_token += 1
    backbone.module.save_pretrained(tmp_path)
    assert load_backbone(tmp_path).digest != backbone.digest


def test_weights_of_another_model(vit_folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    (tmp_path / "config.json").write_bytes((vit_folder / "config.json").read_bytes())
    weights = load_file(vit_folder / "model.safetensors")
    weights.pop("layernorm.weight")
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ConfigError, match=r"1 weights are missing .* layernorm.weight"):
        load_backbone(tmp_path)


@pytest.mark.parametrize("cut", ["config.json", "model.safetensors"])
def test_a_truncated_backbone(vit_folder: Path, tmp_path: Path, cut: str) -> None:
    for file in vit_folder.iterdir():
        content = file.read_bytes()
        (tmp_path / file.name).write_bytes(content[: len(content) // 2] if file.name == cut else content)
    with pytest.raises(ConfigError, match="no backbone at"):
        load_backbone(tmp_path)


def test_the_backbone_computes_where_it_is_told_to(vit_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_backbone(vit_folder, device="cpu").device == torch.device("cpu")
    assert load_backbone(vit_folder, device="meta").device == torch.device("meta")
    asked: list[Any] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.nn.Module, "to", lambda module, place: asked.append(place))
    load_backbone(vit_folder)
    assert asked == ["cuda"]


def test_no_backbone_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no backbone at"):
        load_backbone(tmp_path)
