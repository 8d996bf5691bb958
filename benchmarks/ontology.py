"""How fast is an ontology read and entailed, and in how much memory, beside parsers and other reasoners?

One section a subject; each measures in processes of its own, so that peak memory is that of one
contender, and prints ratios of one run, which carry over to other machines better than seconds do.

Usage::

    python benchmarks/ontology.py reading                    # 5,000,000 triples, about two minutes
    python benchmarks/ontology.py reading --triples 200000 --rdflib
    python benchmarks/ontology.py kg-awa --owlrl             # read, entail, class attributes; owlrl takes a minute
    python benchmarks/ontology.py scale                      # 10,000, 50,000 and 100,000 classes, with proofs
    python benchmarks/ontology.py startup                    # the commands' own time
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from kgzsl.cli.console import print_table

MIB = 2**20
ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("KGZSL_SHARED", ROOT.parent / "shared" / "data"))
KG_AWA = SHARED / "kzsl" / "AwA" / "KG-AwA.ttl"


def main() -> None:
    """Run one section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("section", choices=SECTIONS)
    parser.add_argument("--triples", type=int, default=5_000_000, help="size of the generated graph")
    parser.add_argument("--rdflib", action="store_true", help="measure rdflib, too: minutes, and 6 GiB at full size")
    parser.add_argument("--owlrl", action="store_true", help="kg-awa: against owlrl's RDFS closure, a minute")
    parser.add_argument("--classes", type=int, nargs="+", default=[10_000, 50_000, 100_000], help="scale: the sizes")
    parser.add_argument("--file", type=Path, default=KG_AWA, help="kg-awa, startup: the ontology")
    SECTIONS[parser.parse_args().section](parser.parse_args())


def reading(arguments: argparse.Namespace) -> None:
    """N-Triples into ``Triples``, against pyoxigraph's bare stream and rdflib's graph."""
    contenders = ["pyoxigraph, stream only", "kgzsl, Triples"] + ["rdflib, Graph"] * arguments.rdflib
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.nt"
        write_graph(path, arguments.triples)
        print(f"{arguments.triples:,} triples, {path.stat().st_size / MIB:,.0f} MiB of N-Triples")
        found = {name: measured(name, path) for name in contenders}
    seconds, mebibytes = found[contenders[0]]
    rows = [
        (name, f"{s:.1f}", f"{s / seconds:.1f}", f"{m:,.0f}", f"{m / mebibytes:.1f}", f"{arguments.triples / s:,.0f}")
        for name, (s, m) in found.items()
    ]
    print_table(("reader", ">seconds", ">ratio", ">peak MiB", ">ratio", ">triples/s"), rows)


def kg_awa(arguments: argparse.Namespace) -> None:
    """A real ontology from its file to class attributes; entailment against owlrl's RDFS closure of the same file."""
    from kgzsl.ontology import read_ontology
    from kgzsl.semantics import class_attributes

    clock = [time.perf_counter()]
    ontology = read_ontology(arguments.file)
    clock.append(time.perf_counter())
    entailed = ontology.entail()
    clock.append(time.perf_counter())
    matrix = class_attributes(entailed, entailed.leaves)
    clock.append(time.perf_counter())
    names = ("read", "entail", f"class attributes, {matrix.value.shape[0]:,} x {matrix.value.shape[1]:,}")
    rows = [(name, f"{clock[k + 1] - clock[k]:.2f}") for k, name in enumerate(names)]
    print_table((f"{arguments.file.name}, profile {entailed.profile.name}", ">seconds"), rows)
    print(f"all {clock[-1] - clock[0]:.2f} s, target 0.5 s; {load()}")
    if arguments.owlrl:
        against_owlrl(arguments.file)


def against_owlrl(path: Path) -> None:
    """The same file by both in one process; ours under the owl profile, in which facts are inherited."""
    import owlrl
    import rdflib

    from kgzsl.ontology import read_ontology
    from kgzsl.ontology.vocabulary import BUILT_IN, RDFS

    ontology = read_ontology(path, profile="owl")
    seconds = {regime: timed(lambda: ontology.entail(regime)) for regime in ("rdfs", "el")}  # noqa: B023
    graph = rdflib.Graph().parse(path)
    theirs = timed(lambda: owlrl.DeductiveClosure(owlrl.RDFS_Semantics).expand(graph))
    rows = [(f"kgzsl, {regime}", f"{s:.2f}", f"{theirs / s:,.0f}") for regime, s in seconds.items()]
    print_table(("entailment alone", ">seconds", ">times faster"), [*rows, ("owlrl, RDFS", f"{theirs:.1f}", "1")])
    entailed = ontology.entail("rdfs")
    for name in (RDFS.subClassOf, RDFS.subPropertyOf):
        found = {(str(s), str(o)) for s, o in graph[: rdflib.URIRef(name) :] if isinstance(s, rdflib.URIRef)}
        found = {(s, o) for s, o in found if s != o and not s.startswith(BUILT_IN) and not o.startswith(BUILT_IN)}
        found = {(s, o) for s, o in found if o in entailed.index}  # expressions without a name are blank nodes
        ours = {(f.subject, f.object) for f in entailed.facts(predicate=name, polarity="positive")}
        print(f"{name}: owlrl {len(found):,}, kgzsl {len(ours):,}; of owlrl's alone {len(found - ours):,}, should be 0")


def scale(arguments: argparse.Namespace) -> None:
    """Made-up ontologies of several sizes (see ``generated.py``), each in a process of its own."""
    rows, before = [], None
    for classes in arguments.classes:
        command = [sys.executable, __file__, "--scale", str(classes)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        # Seconds for each fact, relative to the size before: 1 is linear in the output.
        each = found["cpu"] / found["entailed"]
        growth = "" if before is None else f"{each / before:.2f}"
        before = each
        counts = [f"{found[k]:,}" for k in ("classes", "asserted", "entailed")]
        shape = [f"{found[k]:.1f}" for k in ("ancestors", "restrictions")]
        spent = [f"{found['seconds']:.1f}", f"{found['cpu']:.1f}", f"{found['peak']:,.0f}"]
        speed = [f"{found['entailed'] / found['seconds']:,.0f}", growth]
        proof = [f"{found['proof_median']:.1f}", f"{found['proof_max']:.1f}"]
        rows.append([*counts, *shape, *spent, *speed, *proof])
    columns = ["classes", "asserted", "entailed", "ancestors", "restrictions", "seconds", "CPU s", "peak MiB"]
    columns += ["facts/s", "growth", "proof ms", "max ms"]
    print_table([f">{name}" for name in columns], rows)
    print("ancestors and restrictions: of a class, on average; growth: CPU time of a fact by that of the size before")
    print(f"targets: 50,000 classes in 6 s and 1,024 MiB, growth 1, proof 10 ms; {load()}")


def scale_here(classes: int) -> None:
    """The other side of :func:`scale`: one size, as JSON."""
    import numpy as np
    from generated import generated
    from scipy.sparse import csgraph  # noqa: F401  (imports are not entailment)

    from kgzsl.ontology.vocabulary import RDFS

    ontology = generated(classes)
    ontology.hierarchy  # noqa: B018
    c = ontology.columns
    links = [ontology.index[name] for name in (RDFS.subClassOf, RDFS.subPropertyOf)]
    stated = int((~np.isin(c.predicate, links)).sum())
    start, cpu = time.perf_counter(), time.process_time()
    entailed = ontology.entail()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = np.flatnonzero(entailed.columns.source < 0)
    class_ = np.zeros(len(ontology.terms), dtype=bool)
    class_[[ontology.index[iri] for iri in ontology.classes]] = True
    below = entailed.columns.predicate == ontology.index[RDFS.subClassOf]
    ancestors = int((below & class_[entailed.columns.subject]).sum()) / classes
    facts = [entailed.fact(row) for row in random.Random(0).sample(found.tolist(), 200)]
    entailed.prove(facts[0])  # indices are made once
    proofs = sorted(1000 * timed(lambda: entailed.prove(fact)) for fact in facts)  # noqa: B023
    print(
        json.dumps(
            {"classes": classes, "asserted": len(c), "entailed": len(found), "ancestors": ancestors}
            | {"restrictions": stated / classes, "seconds": seconds, "cpu": cpu, "peak": peak}
            | {"proof_median": proofs[100], "proof_max": proofs[-1]}
        )
    )


def startup(arguments: argparse.Namespace) -> None:
    """How long a user waits for the command itself: best of five."""
    launcher = [sys.executable, str(ROOT / "cli.py")]
    asked = [("kgzsl --help", ["--help"], 0.3)]
    if arguments.file.is_file():
        name = f"kgzsl ontology inspect {arguments.file.name}"
        asked.append((name, ["ontology", "inspect", str(arguments.file)], 1.0))
    rows = []
    for name, words, target in asked:
        command = [*launcher, *words]
        best = min(timed(lambda: subprocess.run(command, capture_output=True, check=True)) for _ in range(5))  # noqa: B023
        rows.append((name, f"{best:.2f}", f"{target:.1f}"))
    print_table(("command", ">seconds", ">target"), rows)
    print(load())


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def load() -> str:
    """How busy the machine is: seconds on a busy one say little."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


# A section takes the command line's arguments and prints its tables.
SECTIONS: dict[str, Callable[[argparse.Namespace], None]] = {
    "reading": reading,
    "kg-awa": kg_awa,
    "scale": scale,
    "startup": startup,
}


def write_graph(path: Path, triples: int) -> None:
    """A graph as knowledge graphs are: ten triples a subject, few predicates, a fifth of the objects literals."""
    draw = random.Random(0)
    subjects = max(1, triples // 10)
    with path.open("w", encoding="utf-8") as file:
        for k in range(triples):
            subject = f"<http://example.org/resource/entity_{k % subjects}>"
            predicate = f"<http://example.org/property/p{draw.randrange(50)}>"
            if k % 5:
                value = f"<http://example.org/resource/entity_{draw.randrange(subjects)}>"
            else:
                value = f'"name of something {draw.randrange(subjects)}"@en'
            file.write(f"{subject} {predicate} {value} .\n")


def stream_only(path: Path) -> None:
    """pyoxigraph's parser, its triples thrown away: nothing in Python can be faster."""
    import pyoxigraph

    for _ in pyoxigraph.parse(path=str(path), format=pyoxigraph.RdfFormat.N_TRIPLES):
        pass


def kgzsl_triples(path: Path) -> None:
    """What ``read_ontology`` does before it looks for classes."""
    from kgzsl.ontology.reading.triples import Triples

    Triples().read(path)


def rdflib_graph(path: Path) -> None:
    """rdflib's store in memory."""
    import rdflib

    rdflib.Graph().parse(str(path), format="nt")


READERS = {"pyoxigraph, stream only": stream_only, "kgzsl, Triples": kgzsl_triples, "rdflib, Graph": rdflib_graph}


def measured(name: str, path: Path) -> tuple[float, float]:
    """Seconds of CPU and peak MiB of one reader in a process of its own, after its imports."""
    command = [sys.executable, __file__, "--reader", name, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, mebibytes = done.stdout.split()
    return float(seconds), float(mebibytes)


def measure_here(name: str, path: Path) -> None:
    """The other side of :func:`measured`."""
    import pyoxigraph  # noqa: F401
    import rdflib  # noqa: F401

    import kgzsl.ontology.reading.triples  # noqa: F401

    start = time.process_time()
    READERS[name](path)
    seconds = time.process_time() - start
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--reader"]:
        measure_here(sys.argv[2], Path(sys.argv[3]))
    elif sys.argv[1:2] == ["--scale"]:
        scale_here(int(sys.argv[2]))
    else:
        main()
