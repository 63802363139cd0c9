"""Run folders of strangers, which are told of and drawn: their records may say anything."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile.case import THEIRS, Case, link
from hostile.yamls import EVIL

RUN, GAP, DRAWN, PAGE = ("explain", THEIRS), ("explain", "gap", THEIRS), ("plot", THEIRS), ("report", THEIRS)
DAMAGED = "is no run folder"


def changed(name: str, *path: Any, to: Any) -> Callable[[Path], None]:
    """Return what sets a value in a JSON file of a record, without a path all of it."""

    def change(folder: Path) -> None:
        told = json.loads((folder / name).read_text(encoding="utf-8"))
        node = told
        for step in path[:-1]:
            node = node[step]
        if path:
            node[path[-1]] = to
        (folder / name).write_text(json.dumps(told if path else to), encoding="utf-8")

    return change


def info(*path: Any, to: Any) -> Callable[[Path], None]:
    """Return what sets a value in run.json."""
    return changed("run.json", *path, to=to)


def plots(nodes: dict[str, Any]) -> Callable[[Path], None]:
    """Return what lets a record name its plots."""
    return info("config", "plots", to=nodes)


def written(name: str, content: str | bytes) -> Callable[[Path], None]:
    """Return what replaces a file of a record."""
    return lambda folder: (folder / name).write_bytes(content.encode() if isinstance(content, str) else content) and None


def linked(name: str, to: str) -> Callable[[Path], None]:
    """Return what puts a link in the place of a file of a record."""

    def change(folder: Path) -> None:
        if (folder / name).is_dir():
            (folder / name).rename(folder / f"{name}-before")
        (folder / name).unlink(missing_ok=True)
        link(to)(folder / name)

    return change


def both(*changes: Callable[[Path], None]) -> Callable[[Path], None]:
    """Return what makes several changes."""
    return lambda folder: [change(folder) for change in changes] and None


def huge(folder: Path) -> None:
    """Let run.json be 300 MB, which take no room on the disk."""
    os.truncate(folder / "run.json", 300_000_000)


def large_config(folder: Path) -> None:
    """Let the config be 100 MB."""
    os.truncate(folder / ".hydra" / "config.yaml", 100_000_000)


def as_sweep(folder: Path) -> None:
    """Make the run the only job of a sweep, and let it say that it is elsewhere."""
    info("job", to="../../outside; touch ran")(folder)
    files = list(folder.iterdir())
    (folder / "0").mkdir()
    for file in files:
        file.rename(folder / "0" / file.name)


def case(id: str, says: str, words: tuple[str, ...], mutate: Callable[[Path], None], *, code: int = 2, **files: Any) -> Case:
    """Return the case of a changed run folder; only its pictures may change, and its page."""
    others = {name.replace("__", "."): content for name, content in files.items()}
    writes = (THEIRS,) if words == PAGE else (f"{THEIRS}/plots",)
    return Case(id, says, words, code=code, mutate=mutate, writes=writes, files=others)


LAYER = {"name": "a", "type": "b", "inputs": ["c"], "shape": [], "parameters": 0, "trained": 0}
WIDE = {"width": 100, "row_height": 100, "dpi": 1200}
FAILED = {"status": "failed", "error": "\x1b]0;pwned\x07"}
PLOT = {"_target_": "lossmetric_cli.plots.curves"}
ESCAPE = "\x1b]0;pwned\x07\x1b[2J"
PRECIOUS = "../../outside/precious.txt"
SCRIPT = "</style><script>alert(1)</script><img src=x onerror=alert(1)>"
TITLED = info("title", to=f"{SCRIPT} · a · b · c")
TOLD = ("verdicts", "notes", "overrides", "argv", "differs_in_training")
CASES = [
    case("run-told-with-escapes", "pwned", RUN, info("title", to=f"{ESCAPE} · a · b · c"), code=0),
    case("run-with-escaped-verdicts", "pwned", RUN, info("verdicts", to=[ESCAPE]), code=0),
    case("run-that-failed-with-escapes", "pwned", RUN, both(*(info(key, to=told) for key, told in FAILED.items())), code=0),
    case(
        "run-whose-words-allow-code",
        r"(?s)^(?!.*allow-code)",
        RUN,
        info("overrides", to=["--allow-code=os", "x;touch ran"]),
        code=0,
    ),
    case("run-that-is-a-list", DAMAGED, RUN, info(to=[[1, 2]])),
    case("run-of-deep-json", DAMAGED, RUN, written("run.json", "[" * 100_000)),
    case("run-of-a-long-number", DAMAGED, RUN, written("run.json", f'{{"status": {"9" * 5000}}}')),
    case("run-of-many-bytes", "more than 200 MB", RUN, huge),
    case("run-that-never-ends", DAMAGED, RUN, linked("run.json", "/dev/zero")),
    case("run-of-no-text", DAMAGED, RUN, written("run.json", b"\xff\xfe\x00")),
    case("run-of-wrong-types", DAMAGED, RUN, info("monitor", to="x")),
    case("run-of-huge-numbers", "", RUN, changed("metrics.json", "val", "loss", to=1e308), code=0),
    case("run-with-a-list-of-metrics", DAMAGED, RUN, info("metrics", to=[1])),
    case("gap-of-wrong-types", DAMAGED, GAP, info("gap", "running_mean", to="x")),
    case("gap-that-is-not-a-number", "", GAP, info("gap", "loss", to=float("nan")), code=0),
    case("history-of-words", "", RUN, written("history.csv", "epoch,loss,val_loss\n1,x,y\n2,=cmd,\x1b[2J\n"), code=0),
    case("history-of-many-columns", "more than 50,000 columns", RUN, written("history.csv", "," * 10**6)),
    case("history-of-nothing", DAMAGED, RUN, written("history.csv", b"")),
    case("history-of-bytes", DAMAGED, RUN, written("history.csv", bytes(range(256)) * 9)),
    case("sweep-that-names-jobs-elsewhere", r"(?s)^(?!.*next +lmrun explain [^\n]*touch)", RUN, as_sweep, code=0),
    case("plot-named-above", "a plot's name is letters", DRAWN, plots({"../../outside/x": PLOT})),
    case("plot-of-os", "is neither Keras' nor", DRAWN, plots({"x": {"_target_": "os.system"}})),
    case(
        "plot-of-the-strangers-own",
        "no module|run folder|__init__",
        DRAWN,
        both(plots({"x": {"_target_": f"{THEIRS}.evil.run"}}), written("evil.py", EVIL), written("__init__.py", EVIL)),
    ),
    case("plot-through-a-link", "leads out of .* by a link", DRAWN, linked("plots", "../../outside"), code=5),
    case("plot-onto-a-link", THEIRS, DRAWN, linked("plots/curves.png", "../../../outside/precious.txt"), code=0),
    case("plot-too-large", "is too large; lower its dpi", DRAWN, plots({"x": {**PLOT, **WIDE}})),
    case("plot-of-no-mapping", "names no plots", DRAWN, info("config", to=[])),
    case("plot-of-words", "plots.curves failed", DRAWN, written("history.csv", "epoch,loss,val_loss\n1,x,y\n")),
    case("plot-of-formulas", THEIRS, DRAWN, info("title", to="$\\frac{$ <script>alert(1)</script> 名前 _x"), code=0),
    case("plot-of-a-wrong-model", "plots.model failed", DRAWN, changed("model.json", "layers", 0, to=7)),
    case("page-of-scripts", THEIRS, PAGE, both(*(info(key, to=[SCRIPT] * 3) for key in TOLD), TITLED), code=0),
    case("page-of-scripts-in-the-config", THEIRS, PAGE, written(".hydra/config.yaml", SCRIPT), code=0),
    case("page-of-scripts-in-the-history", THEIRS, PAGE, written("history.csv", f"epoch,{SCRIPT},loss\n1,1,1\n"), code=0),
    case("page-of-a-picture-with-a-script", THEIRS, PAGE, written("plots/other.svg", f"<svg>{SCRIPT}</svg>"), code=0),
    case("page-through-a-link", "leads out of .* by a link", PAGE, linked("report.html", "../../outside/precious.txt"), code=5),
    case("page-with-the-config-of-another", "leads out of .* by a link", PAGE, linked(".hydra", "../../outside"), code=5),
    case("page-with-a-picture-of-another", THEIRS, PAGE, linked("plots/other.svg", "../../../outside/precious.txt"), code=0),
    case("page-with-a-pipe-for-a-picture", THEIRS, PAGE, lambda folder: os.mkfifo(folder / "plots" / "other.svg"), code=0),
    case("page-of-the-history-of-another", "leads out of .* by a link", PAGE, linked("history.csv", PRECIOUS), code=5),
    case("story-of-the-scores-of-another", "leads out of .* by a link", RUN, linked("metrics.json", PRECIOUS), code=5),
    case("plot-of-the-history-of-another", "leads out of .* by a link", DRAWN, linked("history.csv", PRECIOUS), code=5),
    case("page-of-a-large-config", THEIRS, PAGE, large_config, code=0),
    case("page-with-a-picture-without-end", THEIRS, PAGE, linked("plots/other.svg", "/dev/zero"), code=0),
    case("page-of-wrong-types", DAMAGED, PAGE, info("metrics", to=[1])),
    case("page-of-no-run", DAMAGED, PAGE, info(to=[])),
    case("page-of-huge-numbers", THEIRS, PAGE, changed("metrics.json", "val", "loss", to=1e308), code=0),
    case("plot-of-many-layers", "more than 10,000 layers", DRAWN, changed("model.json", "layers", to=[LAYER] * 100_000)),
]
