"""What importing costs, and that every public name is there."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "transformers", "torch_geometric")
RUN_COMMAND = """
import sys
from kgzsl.cli import main
sys.argv = ["kgzsl", *{arguments!r}]
try:
    main()
except SystemExit as leaving:
    status = leaving.code
"""
ZOO = "tests/golden/zoo.ttl"


def loaded(code: str) -> str:
    """The heavy libraries that a fresh interpreter has loaded after running some code; its last line of output."""
    code = f"{code}\nimport sys; print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "code",
    [
        "import kgzsl, kgzsl.errors, kgzsl.cli, kgzsl.api, kgzsl.evaluate; kgzsl.load_ontology; dir(kgzsl)",
        RUN_COMMAND.format(arguments=["--help"]),
        RUN_COMMAND.format(arguments=["ontology", "inspect", "ontologies/creatures.ttl", "--json"])
        + "assert not status",
        "import kgzsl.data.check, kgzsl.data.layouts, kgzsl.data.hugging_face",
        RUN_COMMAND.format(arguments=["data", "check", "tests", "--dataset", "CUB"]) + "assert status == 1",
    ],
    ids=["import", "--help", "ontology inspect", "data sets", "data check"],
)
def test_what_needs_no_model_loads_no_torch(code: str) -> None:
    assert loaded(code) == "[]"


def test_the_ontology_commands_load_no_torch(tmp_path: Path) -> None:
    commands = [
        ["diff", ZOO, ZOO],
        ["query", ZOO, "ASK { ?s ?p ?o }", "--facts"],
        ["prove", ZOO, "zebra hasPart hooves"],
        *(["export", ZOO, "--to", to, "--out", str(tmp_path / to)] for to in ("csv", "graphml", "turtle")),
        ["verbalize", ZOO],
        ["prompt", ZOO, "zebra"],
        ["profile", ZOO],
    ]
    if importlib.util.find_spec("matplotlib"):
        commands.append(["draw", ZOO, "zebra", "--out", str(tmp_path / "zebra.png")])
    code = "".join(RUN_COMMAND.format(arguments=["ontology", *c]) + "assert not status\n" for c in commands)
    assert loaded(code) == "[]"


def test_the_check_above_would_notice_torch() -> None:
    # A stand-in is enough: what is checked is the look into sys.modules.
    assert loaded("import sys; sys.modules['torch'] = sys") == "['torch']"


def modules() -> list[str]:
    files = sorted((ROOT / "kgzsl").rglob("*.py"))
    names = [".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for f in files]
    public = [any(_is_all(node) for node in ast.parse(f.read_text(encoding="utf-8")).body) for f in files]
    return [name for name, has in zip(names, public, strict=True) if has]


def _is_all(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"


def _in_order(names: list[str]) -> list[str]:
    """As ruff sorts: constants, classes, functions."""
    return sorted(names, key=lambda n: (0 if n.isupper() and len(n) > 1 else 1 if n[:1].isupper() else 2, n))


@pytest.mark.parametrize("name", modules())
def test_public_names_are_sorted_and_there(name: str) -> None:
    module: ModuleType = importlib.import_module(name)
    assert list(module.__all__) == _in_order(module.__all__)
    assert len(set(module.__all__)) == len(module.__all__)
    missing = [public for public in module.__all__ if not hasattr(module, public)]
    assert not missing


def test_the_package_says_what_it_lacks() -> None:
    import kgzsl

    with pytest.raises(AttributeError, match="no_such_name"):
        kgzsl.no_such_name  # noqa: B018 - the look-up is the test
    assert set(kgzsl.__all__) < set(dir(kgzsl))
