"""The help: one screen of every name, and a group's options with a line each, read off the YAML files."""

from __future__ import annotations

import shutil
import textwrap

from lossmetric_cli import shipped
from lossmetric_cli.errors import ConfigError, did_you_mean
from lossmetric_cli.text import tame

_TITLE = "lmrun trains a Keras model that YAML options choose by name, and tells its losses from its metrics."
_COMMANDS = {
    "lmrun": "the default: digits, a small network, cross-entropy, accuracy",
    "lmrun loss=categorical_crossentropy 'metrics=[auc]'": "one option for each group, a list for metrics and callbacks",
    "lmrun data=csv data.path=x.csv data.target=y": "an option's own settings stand below it",
    "lmrun -m optimizer.learning_rate=0.1,0.01 seed=0,1": "a sweep: every combination",
    "lmrun experiment=NAME": "a study of experiments/, yours or ours",
    "lmrun check [WORDS]": "what a run would be, and what is wrong with it; trains nothing",
    "lmrun eval outputs/latest 'metrics=[mcc]'": "score a run's weights again: other metrics, data.path=NEW.csv",
    "lmrun export outputs/latest format=onnx": "its model for elsewhere, tried there: keras, saved_model, litert, onnx",
    "lmrun plot outputs/latest": "draw a run's pictures again",
    "lmrun report outputs/latest": "its page again, report.html: the story, the pictures, the figures",
    "lmrun resume outputs/latest": "go on with a run that was left, to the same bytes",
    "lmrun rerun outputs/latest": "the same once more, and whether the bytes agree",
    "lmrun explain NAME": "what a name means: formula, range, traps",
    "lmrun explain outputs/latest": "what a run came to, and what to try",
    "lmrun explain gap outputs/latest": "why its loss is not its val_loss",
    "lmrun list losses": "all names; --aliases: what other libraries call them",
}
#: What each verb takes beside what its line in `_COMMANDS` shows, and what its exit codes mean where others have none such.
_VERBS = {
    "check": {
        "WORDS": "those of a run: lmrun check data=iris metrics=auc",
        "exit codes 2 and 3": "a check stops the run, or the words do; its data cannot be read or learned from",
    },
    "eval": {
        "metrics=mcc+auc": "other metrics than the run's; a loss is one too",
        "data.path=NEW.csv": "other rows, read as the run's own were; data.test_path=… where it was trained with one",
        "weights=best": "those that callbacks=checkpoint kept; the last ones are the default",
    },
    "export": {
        "format=keras+onnx": "keras, saved_model, litert and onnx, several with +; keras+saved_model is the default",
        "to=FOLDER": "where they go; the folder export of the run is the default",
        "weights=best": "those that callbacks=checkpoint kept; the last ones are the default",
        "exit code 4": "a file does not answer elsewhere what the run answered; none is kept then",
    },
    "plot": {"RUN RUN": "several runs, one after the other"},
    "report": {"RUN RUN": "several runs, one after the other"},
    "resume": {
        "epochs=500": "more epochs than the run was to have",
        "fork=true": "a new run that begins with its weights, and takes any words: fork=true lr=0.01",
        "exact=true": "refuse where other versions, threads or devices may give other bits, which else is said",
        "data.path=NEW.csv": "where the same data lies by now",
        "exit code 7": "no whole state is there, the words or the data are others, or the run is at work somewhere",
    },
    "rerun": {
        "WORDS": "any words, which change what the run was asked: lmrun rerun outputs/latest lr=0.01 seed=1",
    },
    "explain": {
        "NAME task=multilabel": "what a name means for such a task: binary, multiclass, multilabel or regression",
        "RUN RUN": "several runs or sweeps, one after the other",
    },
    "list": {
        "KIND": "losses, metrics, optimizers, schedules, callbacks, data, models, experiments, ideas or checks",
        "--aliases": "with the names that other libraries have for them",
    },
}
_MORE = {
    "lmrun help GROUP": "its options, a line each",
    "lmrun help VERB": "what eval, export, resume and the like take",
    "lmrun --cfg job [WORDS]": "the config that words make, every knob",
    "lmrun -sc install=bash": "completion for your shell",
    "-q": "errors only",
    "--allow-code=PACKAGE": "name code of that package in YAML",
}
WIDE = 115
"""Columns from which a command and its help stand on one line."""


def show(words: list[str]) -> int:
    """Print the help of groups and verbs, or of everything; return the exit code."""
    print(tame("\n".join(map(_help_of, words)) if words else overview()), end="")
    return 0


def _help_of(word: str) -> str:
    """Return the help of a verb, of a group, or of what is both."""
    if word not in _VERBS:
        return group_help(word)
    return verb_help(word) + (f"\n{group_help(word)}" if word in _groups() else "")


def verb_help(verb: str, width: int | None = None) -> str:
    """Return what a verb does, the words that it takes, and exit codes of its own, a line each."""
    width = width or shutil.get_terminal_size((WIDE, 24)).columns
    lines = {command: text for command, text in _COMMANDS.items() if command.split()[1:2] == [verb]}
    return "\n".join([*_commands(lines | _VERBS[verb], width=width), ""])


def overview(width: int | None = None) -> str:
    """Return the names of all options by group, as wide as the terminal."""
    width = width or shutil.get_terminal_size((WIDE, 24)).columns
    lines = [_TITLE, "", *_commands(_COMMANDS, width=width), ""]
    for group in [*_groups(), "experiment"]:
        names = ", ".join(sorted(shipped.options(group).keys() - shipped.aliases(group)))
        lines.append(_filled(f"{group}  {names}", width=max(width, 20)))
    return "\n".join([*lines, "", *_commands(_MORE, width=width), ""])


def _commands(rows: dict[str, str], *, width: int) -> list[str]:
    """Return commands with their help beside them, on a narrow terminal below."""
    column = max(map(len, rows)) + 4
    return [f"  {command:<{column}}{text}" if width >= WIDE else f"  {command}\n      {text}" for command, text in rows.items()]


def _filled(text: str, *, width: int) -> str:
    return textwrap.fill(text, width, subsequent_indent="    ", break_on_hyphens=False, break_long_words=False)


def group_help(group: str, width: int | None = None) -> str:
    """Return the options of a group, each with its one-line help and its aliases, folded on a terminal of `width` columns.

    Raises ConfigError for an unknown group.
    """
    groups = [*_groups(), "experiment"]
    if group not in groups:
        raise ConfigError(f"unknown group '{group}'{did_you_mean(group, [*groups, *_VERBS])} (lmrun help lists them)")
    width = width or shutil.get_terminal_size((1000, 24)).columns  # into a pipe a line each, for grep
    real = shipped.aliases(group)
    files = {name: file for name, file in shipped.options(group).items() if name not in real}
    column = max(map(len, files), default=0)
    return "".join(_entry(name, shipped.help_line(files[name]), real, column=column, width=width) + "\n" for name in files)


def _entry(name: str, line: str, real: dict[str, str], *, column: int, width: int) -> str:
    """Return an option, its help and its aliases as lines; a narrow terminal has the help below the name."""
    others = [alias for alias in real if real[alias] == name]
    text = f"{line} [{', '.join(others)}]" if others else line
    if width < column + 40:
        return f"{name}\n" + textwrap.fill(text, max(width, 20), initial_indent="    ", subsequent_indent="    ")
    hanging = " " * (column + 2)
    return textwrap.fill(f"{name:<{column}}  {text}", width, subsequent_indent=hanging, break_on_hyphens=False)


def _groups() -> list[str]:
    first = [
        "data",
        "model",
        "loss",
        "metrics",
        "optimizer",
        "optimizer/learning_rate",
        "callbacks",
        "plots",
        "validation",
        "check",
    ]
    return [*first, *(group for group in shipped.groups() if group not in first)]
