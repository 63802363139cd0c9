"""What a table larger than memory takes: streamed from the disk beside read whole, at growing sizes and under a limit.

    python tests/benchmarks/stream.py [MEGABYTES ...] [--limit GIGABYTES]

A table of 12 numbers, a category and two classes is written to a temporary folder (which needs twice the largest size), and one
epoch of it is trained both ways, each in a process of its own that may allocate no more than the limit. Printed are the peak of
what the process allocated, which is its need, and that of its resident memory, which counts pages of files too that the system
takes back when it wants them.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

BLOCK = 10_000
CITIES = np.array(["Bern", "Lima", "Oslo", "Rome"])


def write_table(path: Path, *, megabytes: float) -> int:
    """Write a table of about so many megabytes; return its rows."""
    random = np.random.default_rng(0)
    weights, rows = random.normal(size=12), 0
    with path.open("w") as file:
        file.write(",".join([*(f"n{number}" for number in range(12)), "city", "y"]) + "\n")
        while file.tell() < megabytes * 1e6:
            x, city = random.normal(size=(BLOCK, 12)), random.integers(0, 4, BLOCK)
            y = (x @ weights + city + random.normal(size=BLOCK) > 1.5).astype(int)
            cells = zip(x.tolist(), CITIES[city], y, strict=True)
            file.writelines(",".join(map("{:.7f}".format, numbers)) + f",{name},{label}\n" for numbers, name, label in cells)
            rows += BLOCK
    return rows


def run(path: Path, *, stream: bool, limit: float) -> tuple[str, dict[str, float], float]:
    """Train an epoch; return how it ended, the peaks in GB, and the seconds."""
    words = ["data=csv", f"data.path={path}", "data.target=y", f"data.stream={str(stream).lower()}", "epochs=1"]
    words += ["batch_size=1024", "plots=[]", "save_model=false", "-q", f"out={path.parent / 'outputs'}"]

    def lower() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (int(limit * 2**30),) * 2)

    started, peaks = time.monotonic(), {"RssAnon": 0.0, "VmHWM": 0.0}
    command = [sys.executable, "-m", "lossmetric_cli", *words]
    with subprocess.Popen(
        command, preexec_fn=lower, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=os.environ
    ) as process:
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text()
            for name in peaks:
                if found := re.search(rf"{name}:\s+(\d+) kB", status):
                    peaks[name] = max(peaks[name], int(found[1]) / 2**20)
            time.sleep(0.05)
        told = next((line for line in process.stderr if line.startswith("lmrun: error")), "").strip()
    ended = "trained" if process.returncode == 0 else f"exit {process.returncode}: {told[:100]}"
    return ended, peaks, time.monotonic() - started


def main(sizes: list[float], limit: float) -> None:
    """Print a line for each size and way."""
    print(f"{'MB':>6} {'rows':>11}  {'way':<8} {'allocated GB':>12} {'resident GB':>12} {'s':>6}  ended, at most {limit:g} GB")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        for size in sizes:
            rows = write_table(path, megabytes=size)
            for stream in (True, False):
                ended, peaks, seconds = run(path, stream=stream, limit=limit)
                figures = f"{peaks['RssAnon']:12.2f} {peaks['VmHWM']:12.2f} {seconds:6.0f}"
                print(f"{size:6g} {rows:11,}  {'streamed' if stream else 'whole':<8} {figures}  {ended}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("megabytes", nargs="*", type=float, default=[10, 150, 500, 1500])
    parser.add_argument("--limit", type=float, default=3.0)
    arguments = parser.parse_args()
    main(arguments.megabytes, arguments.limit)
