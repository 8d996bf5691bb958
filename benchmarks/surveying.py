"""What `kgzsl facts` costs beyond prediction, and how fast its page opens.

Test images of a creatures run are written as files, a folder for each class. In turn they are predicted, and surveyed
with all that `kgzsl facts` says of them. Printed are medians over the turns, by the wall clock and by the processor's
time (which other work on the machine does not stretch as much), and the ratio to prediction. The page is opened in
headless Chromium (where there are `chromium` and `chromedriver`) with an empty profile: printed is the time from the
start of the navigation to the second frame after all is there.

Usage::

    python benchmarks/surveying.py runs/demo/kg --images 1000
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from predicting import in_turn

from kgzsl import api
from kgzsl.cli.console import print_table
from kgzsl.explain.facts_page import write_facts_page
from kgzsl.explain.summary import overview

PORT = 9517
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
FRAMES = "requestAnimationFrame(() => requestAnimationFrame(() => arguments[0](performance.now())))"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run, page = api.load_run(arguments.run), Path(folder) / "facts.html"
        files = write_images(run, Path(folder) / "images", arguments.images)
        seconds = measure(run, files, Path(folder) / "images", page=page, turns=arguments.turns)
        medians = {name: np.median(taken, axis=0) for name, taken in seconds.items()}
        rows = [
            (name, *(f"{value:.2f}" for value in taken), f"{taken[1] / medians['predict'][1]:.2f}")
            for name, taken in medians.items()
        ]
        print(f"{len(files)} images")
        print_table(("", ">seconds", ">of the processor", ">to prediction"), rows)
        print(f"page: {page.stat().st_size / 1e6:.1f} MB", end="")
        if shutil.which("chromium") and shutil.which("chromedriver"):
            print(f", open after {np.median([opened(page) for _ in range(arguments.turns)]):.2f} s")
        else:
            print("; no Chromium to open it in")


def write_images(run: api.Run, folder: Path, count: int) -> list[Path]:
    """Test images as files, evenly over the classes."""
    found = api.survey(run, limit=count)
    files = []
    for row, label in enumerate(found.labels.tolist()):
        file = folder / found.label(label) / f"{row}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = found.picture(row)
        if pixels is None:
            raise SystemExit("a run on pixels is needed")
        Image.fromarray(pixels).save(file)
        files.append(file)
    return files


def measure(
    run: api.Run, files: list[Path], folder: Path, *, page: Path, turns: int
) -> dict[str, list[tuple[float, float]]]:
    """Wall and processor seconds of every turn."""

    def facts() -> None:
        overview(api.survey(run, images=folder))

    def with_page() -> None:
        write_facts_page(page, overview(api.survey(run, images=folder)), name=run.folder.path.name)

    ways = {"predict": lambda: api.predict(run, files), "facts": facts, "facts --html": with_page}
    return in_turn(ways, turns)


def opened(page: Path) -> float:
    """Seconds until a page is there in a browser that was just started."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        driver = subprocess.Popen(["chromedriver", f"--port={PORT}"], stdout=subprocess.DEVNULL)
        try:
            wait_for(f"http://127.0.0.1:{PORT}/status")
            options = {"args": [*FLAGS, f"--user-data-dir={profile}"], "binary": shutil.which("chromium")}
            wanted = {"browserName": "chrome", "goog:chromeOptions": options}
            session = f"/session/{post('/session', {'capabilities': {'alwaysMatch': wanted}})['sessionId']}"
            post(f"{session}/url", {"url": page.resolve().as_uri()})
            seconds = float(post(f"{session}/execute/async", {"script": FRAMES, "args": []})) / 1000
            call("DELETE", session)
            return seconds
        finally:
            driver.terminate()
            driver.wait()


def wait_for(address: str) -> None:
    """Until somebody answers there."""
    for _ in range(100):
        try:
            urllib.request.urlopen(address).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("chromedriver does not answer")


def post(path: str, body: dict[str, Any]) -> Any:
    """One command of the WebDriver protocol."""
    return call("POST", path, body)


def call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """The value of its answer."""
    content = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", content, headers, method=method)
    with urllib.request.urlopen(asked) as answer:
        return json.load(answer)["value"]


if __name__ == "__main__":
    main()
