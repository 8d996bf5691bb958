"""Profiles in files: what is wrong with one is said at once, and what is written is read back."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgzsl.errors import ConfigError
from kgzsl.ontology import PROFILES, Profile, read_ontology
from kgzsl.ontology.profile import dump, find_profile, load_profile, parse_profile

ZOO = Path(__file__).resolve().parents[1] / "golden" / "zoo.ttl"
IRIS = st.lists(st.from_regex(r"http://e/[a-z\\\"é]{1,9}", fullmatch=True), max_size=3).map(tuple)


def test_built_in_profiles() -> None:
    assert sorted(PROFILES) == ["kzsl", "owl", "skos"]
    assert all(PROFILES[name].name == name for name in PROFILES)
    assert "elsewhere" not in PROFILES
    assert PROFILES["owl"] == Profile("owl", "declared")
    assert PROFILES["kzsl"] == Profile("kzsl", "numbered", synonyms=True, inherits=False)
    assert any(iri.endswith("#broader") for iri in PROFILES["skos"].taxonomy)


@settings(max_examples=40)
@given(
    profile=st.builds(
        Profile,
        name=st.text(min_size=1, max_size=9).filter(lambda s: s.isprintable()),
        classes=st.sampled_from(["declared", "numbered"]),
        scope=st.sampled_from(["core", "all"]),
        language=st.sampled_from(["en", "de"]),
        synonyms=st.booleans(),
        inherits=st.booleans(),
        **{f.name: IRIS for f in fields(Profile) if isinstance(f.default, tuple)},
    )
)
def test_what_is_dumped_is_read_back(profile: Profile) -> None:
    assert parse_profile(dump(profile)) == profile


def test_all_problems_at_once(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('clases = "declared"\ntaxonomy = "a"\nlabel = ["no iri"]\nsynonyms = 1\nscope = "some"\nzz = 1\n')
    with pytest.raises(ConfigError) as caught:
        load_profile(file)
    text = str(caught.value)
    for piece in (
        "did you mean classes",
        "no key 'name'",
        "no key 'classes'",
        "taxonomy",
        "label",
        "synonyms",
        "scope",
    ):
        assert piece in text
    assert "the keys are name, classes" in text
    assert len(caught.value.problems) == 8
    assert all(problem.file == file for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("content", "message"), [(b"name = ", "malformed TOML"), (b"\xff", "not UTF-8"), (None, "cannot be read")]
)
def test_files_that_are_no_profile(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "mine.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        find_profile(str(file))


def test_a_file_is_found_wherever_a_name_is(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\nclasses = "declared"\ninherits = false\n')
    assert find_profile(file) == find_profile(str(file)) == load_profile(file)
    ontology = read_ontology(ZOO, profile=str(file))
    assert (ontology.report.profile, ontology.profile.inherits) == ("mine", False)
    with pytest.raises(ConfigError, match=r"one of kzsl, owl, skos, or a file that ends in \.toml"):
        find_profile("elsewhere")
