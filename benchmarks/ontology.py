"""How fast is an ontology read, and in how much memory, beside the parsers alone?

One section a subject; each measures in processes of its own, so that peak memory is that of one
contender, and prints ratios of one run, which carry over to other machines better than seconds do.

Usage::

    python benchmarks/ontology.py reading                    # 5,000,000 triples, about two minutes
    python benchmarks/ontology.py reading --triples 200000 --rdflib
"""

from __future__ import annotations

import argparse
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


def main() -> None:
    """Run one section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("section", choices=SECTIONS)
    parser.add_argument("--triples", type=int, default=5_000_000, help="size of the generated graph")
    parser.add_argument("--rdflib", action="store_true", help="measure rdflib, too: minutes, and 6 GiB at full size")
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


# A section takes the command line's arguments and prints its tables.
SECTIONS: dict[str, Callable[[argparse.Namespace], None]] = {"reading": reading}


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
    from kgzsl.ontology.triples import Triples

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

    import kgzsl.ontology.triples  # noqa: F401

    start = time.process_time()
    READERS[name](path)
    seconds = time.process_time() - start
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--reader"]:
        measure_here(sys.argv[2], Path(sys.argv[3]))
    else:
        main()
