"""Profiles: which predicates carry the taxonomy, identity, labels and negation, and what counts as a class."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from kgzsl.errors import ConfigError, Problem, nearest
from kgzsl.ontology.vocabulary import OWL, RDFS, SKOS

__all__ = ["PROFILES", "Profile", "dump", "find_profile", "load_profile", "parse_profile"]


@dataclass(frozen=True)
class Profile:
    """How a set of triples is read as classes, attributes and facts.

    Args:
        name: its name, for reports.
        classes: ``"declared"``: classes are typed ``owl:Class`` or ``rdfs:Class``, and their
            restrictions become facts; ``"numbered"``: there are no types, classes have local
            names ``n123``, attributes ``a123``, and plain triples between them are facts.
        taxonomy: predicates read as "every ... is a ...".
        identity: predicates read as "is the same as".
        label: predicates that name a term, the preferred ones first.
        alternative: predicates that give further names.
        negative: predicates that state an absence.
        synonyms: whether one label holds several comma-separated names with underscores.
        inherits: whether what a class has, holds for all classes below it, as OWL means it.
            K-ZSL's facts describe a category and not each kind of it: its dolphin is gray,
            its killer whale, a kind of dolphin, is not.
        scope: ``"core"`` keeps terms of other vocabularies (ConceptNet) out of the facts
            and counts them; ``"all"`` takes them in.
        annotations_as_facts: annotation properties whose values are facts all the same.
        language: the language of labels that goes before others, as a tag of BCP 47.
        strength: predicates that give the degree of a statement; those called strength, confidence, weight and
            the like where none is named.

    Example:
        >>> PROFILES["owl"].classes, PROFILES["kzsl"].classes
        ('declared', 'numbered')
    """

    name: str
    classes: Literal["declared", "numbered"]
    taxonomy: tuple[str, ...] = (RDFS.subClassOf,)
    identity: tuple[str, ...] = (OWL.sameAs, OWL.equivalentClass)
    label: tuple[str, ...] = (SKOS.prefLabel, RDFS.label, "http://schema.org/name", "https://schema.org/name")
    alternative: tuple[str, ...] = (
        SKOS.altLabel,
        "http://www.geneontology.org/formats/oboInOwl#hasExactSynonym",
        "http://www.geneontology.org/formats/oboInOwl#hasRelatedSynonym",
    )
    negative: tuple[str, ...] = (OWL.disjointWith,)
    synonyms: bool = False
    inherits: bool = True
    scope: Literal["core", "all"] = "core"
    annotations_as_facts: tuple[str, ...] = ()
    language: str = "en"
    strength: tuple[str, ...] = ()


_CHOICES: dict[str, tuple[str, ...]] = {"classes": ("declared", "numbered"), "scope": ("core", "all")}
_DEFAULTS = Profile("", "declared")
_REQUIRED = ("name", "classes")


class _BuiltIn(Mapping[str, Profile]):
    """The profiles that come with the package, each read from its TOML file when it is first asked for."""

    def __getitem__(self, name: str) -> Profile:
        if name not in set(self):
            raise KeyError(name)
        return _built_in(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_built_in_names())

    def __len__(self) -> int:
        return len(_built_in_names())


PROFILES: Mapping[str, Profile] = _BuiltIn()


@cache
def _built_in_names() -> tuple[str, ...]:
    """The names of the files in the package, sorted, but owl last: of several that fit, the last is advised."""
    found = (file.name for file in files("kgzsl.ontology").joinpath("profiles").iterdir())
    names = (name.removesuffix(".toml") for name in found if name.endswith(".toml"))
    return tuple(sorted(names, key=lambda name: (name == "owl", name)))


@cache
def _built_in(name: str) -> Profile:
    """A profile of the package."""
    file = files("kgzsl.ontology").joinpath("profiles", f"{name}.toml")
    return parse_profile(file.read_text(encoding="utf-8"), file=str(file))


def find_profile(profile: str | Path | Profile) -> Profile:
    """The profile itself, the one in a file that ends in ``.toml``, or the built-in one of that name.

    Raises:
        ConfigError: there is no profile of that name, or the file is no profile.
    """
    if isinstance(profile, Profile):
        return profile
    if isinstance(profile, Path) or profile.endswith(".toml"):
        return load_profile(profile)
    if profile not in PROFILES:
        expected = f"one of {', '.join(sorted(PROFILES))}, or a file that ends in .toml"
        raise ConfigError(Problem(f"there is no profile {profile!r}", expected=expected))
    return PROFILES[profile]


def load_profile(path: str | Path) -> Profile:
    """Read a profile from a TOML file.

    Raises:
        ConfigError: no such file, malformed TOML, unknown keys, wrong types; all problems at once.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        fix = "`kgzsl ontology profile FILE` proposes one"
        got = f"the profile cannot be read ({error.strerror})"
        raise ConfigError(Problem(got, expected="a TOML file", fix=fix, file=path)) from None
    except UnicodeDecodeError:
        raise ConfigError(Problem("not UTF-8", expected="a TOML file", file=path)) from None
    return parse_profile(text, file=path)


def parse_profile(text: str, *, file: str | Path | None = None) -> Profile:
    """A profile from TOML text, with the fields of :class:`Profile` as keys; what is left out has its default.

    Args:
        text: the TOML.
        file: the file it is from, for errors.

    Raises:
        ConfigError: malformed TOML, unknown keys, wrong types; all problems at once.

    Example:
        >>> parse_profile('name = "mine"\\nclasses = "declared"\\ninherits = false').inherits
        False
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(Problem(f"malformed TOML: {error}", expected="a profile", file=file)) from None
    known = [field.name for field in fields(Profile)]
    problems = [
        Problem(f"there is no key {key!r}", fix=_known_key(key, known), file=file)
        for key in content
        if key not in known
    ]
    problems += [
        Problem(f"no key {key!r}", expected=_wanted(key), file=file) for key in _REQUIRED if key not in content
    ]
    problems += [
        Problem(f"{key} = {value!r}", expected=_wanted(key), file=file)
        for key, value in content.items()
        if key in known and not _fits(key, value)
    ]
    if problems:
        raise ConfigError(problems)
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
    return Profile(**values)


def dump(profile: Profile) -> str:
    """A profile as TOML that :func:`parse_profile` reads back; what has its default is left out.

    Example:
        >>> print(dump(PROFILES["kzsl"]), end="")
        name = "kzsl"
        classes = "numbered"
        synonyms = true
        inherits = false
    """
    lines = []
    for field in fields(Profile):
        value = getattr(profile, field.name)
        if field.name not in _REQUIRED and value == getattr(_DEFAULTS, field.name):
            continue
        # JSON's strings and booleans are TOML's.
        if isinstance(value, tuple):
            items = "".join(f"    {json.dumps(item, ensure_ascii=False)},\n" for item in value)
            lines.append(f"{field.name} = [\n{items}]" if value else f"{field.name} = []")
        else:
            lines.append(f"{field.name} = {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def _known_key(key: str, known: list[str]) -> str:
    """What the user may have meant."""
    advice = nearest(key, known)
    return advice if advice.startswith("did you mean") else f"the keys are {', '.join(known)}"


def _wanted(key: str) -> str:
    """What a key holds, in words."""
    if key in _CHOICES:
        return f"one of {', '.join(map(repr, _CHOICES[key]))}"
    kinds = {bool: "true or false", tuple: "a list of IRIs", str: "a string that is not empty"}
    return kinds[type(getattr(_DEFAULTS, key))]


def _fits(key: str, value: Any) -> bool:
    """Whether a value is of the kind that its key wants."""
    if key in _CHOICES:
        return isinstance(value, str) and value in _CHOICES[key]
    default = getattr(_DEFAULTS, key)
    if isinstance(default, tuple):
        return isinstance(value, list) and all(isinstance(item, str) and ":" in item for item in value)
    return isinstance(value, type(default)) and value != ""
