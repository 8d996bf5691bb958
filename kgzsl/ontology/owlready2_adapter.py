"""The ontology in owlready2, for its reasoners and its editing: the only file that imports it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from kgzsl.errors import ConfigError, Problem
from kgzsl.ontology.ontology import Ontology

__all__ = ["classify_with_hermit", "to_owlready2"]


def to_owlready2(ontology: Ontology) -> Any:
    """The ontology loaded into a private owlready2 ``World``.

    owlready2 reads neither Turtle nor N-Triples with Windows line ends, so the facts pass
    through a temporary N-Triples file; nothing is fetched from the network.

    Returns:
        The ``owlready2.Ontology``; its world is ``.world``.
    """
    import owlready2

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ontology.nt"
        path.write_bytes(ontology.to_rdflib().serialize(format="nt", encoding="utf-8").replace(b"\r\n", b"\n"))
        return owlready2.World().get_ontology(path.as_uri()).load(only_local=True)


def classify_with_hermit(text: str, *, timeout: float, memory: int) -> str:
    """What HermiT, which comes with owlready2, says of an ontology.

    owlready2's own call knows no time limit and reads the answer into Python classes, so HermiT is called here.

    Args:
        text: the ontology in functional syntax.
        timeout: seconds after which it is ended.
        memory: MiB that Java may use.

    Returns:
        Lines such as ``SubClassOf( <a> <b> )`` and ``EquivalentClasses( <a> <b> )``: direct subsumptions only.

    Raises:
        ConfigError: there is no Java, or HermiT failed; says what to do.
    """
    import owlready2

    program = owlready2.JAVA_EXE if shutil.which(owlready2.JAVA_EXE) else shutil.which("java")
    if program is None:
        fix = "install a Java (Debian: apt install default-jre-headless), or leave out --reasoner hermit"
        raise ConfigError(Problem("HermiT needs a Java, and there is none on the PATH", expected="java", fix=fix))
    home = Path(owlready2.__file__).parent / "hermit"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ontology.ofn"
        path.write_text(text, encoding="utf-8")
        command = [program, f"-Xmx{memory}M", "-cp", os.pathsep.join([str(home), str(home / "HermiT.jar")])]
        command += ["org.semanticweb.HermiT.cli.CommandLine", "-c", "-I", path.as_uri()]
        try:
            done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=timeout)
        except subprocess.TimeoutExpired:
            fix = "give --reasoner-timeout more seconds, or leave out --reasoner hermit: it is for small ontologies"
            raise ConfigError(Problem(f"HermiT did not end within {timeout:g} s", fix=fix)) from None
        except OSError as error:
            raise ConfigError(Problem(f"Java cannot be run ({error})", fix="check the java on the PATH")) from None
    said = f"{done.stdout}\n{done.stderr}"
    if done.returncode == 0 and not re.search(r"^(Exception|java\.\S*(Error|Exception))", said, re.MULTILINE):
        return done.stdout
    if "OutOfMemoryError" in said:
        fix = f"set KGZSL_JAVA_MEMORY to more than {memory} (MiB), or leave out --reasoner hermit"
        raise ConfigError(Problem(f"{memory} MiB of memory are too few for HermiT", fix=fix))
    if "StackOverflowError" in said:
        raise ConfigError(Problem("the ontology is too large for HermiT", fix="leave out --reasoner hermit"))
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    reason = next(
        (line for line in lines if re.search(r"Exception|Error|nconsistent", line)), lines[0] if lines else ""
    )
    fix = "leave out --reasoner hermit, or change what it names"
    raise ConfigError(Problem(f"HermiT failed: {reason[:500]}", fix=fix))
