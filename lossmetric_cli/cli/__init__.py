"""The command line: help, a verb, or a run that Hydra composes; every mistake is one line and an exit code."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from lossmetric_cli.errors import ConfigError, EnvironmentFault, LmrunError, Stopped, did_you_mean
from lossmetric_cli.text import tame, without


def main(words: list[str] | None = None) -> None:
    """Answer a command line and leave with its exit code: 0, 2 to 7 as `LmrunError` says, 1 for a bug, 130 for Ctrl-C."""
    _open_missing_streams()
    sys.exit(answer(sys.argv[1:] if words is None else words))


def _open_missing_streams() -> None:
    """Let what nobody reads (`>&-`) go nowhere: Python has None for it, and the next file opened would get its number."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(handle, "r" if name == "stdin" else "w", encoding="utf-8"))


def answer(words: list[str]) -> int:
    """Return the exit code of a command line after doing what it says."""
    try:
        code = _dispatch(words)
        sys.stdout.flush()  # here, where a reader that has left is no error
        return code
    except LmrunError as error:
        return complain(error)
    except KeyboardInterrupt:
        print("lmrun: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        _let_go_of_stdout()
        return 141
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            return _admit(error)
        _let_go_of_stdout()
        return complain(EnvironmentFault(f"stdout takes nothing: {error.strerror}; make room where it goes"))
    except Exception as error:
        return _admit(error)


def _let_go_of_stdout() -> None:
    """Let what is still to be written go nowhere; else the interpreter complains as it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _admit(error: Exception) -> int:
    """Print a fault of ours with its traceback, and return its exit code."""
    traceback.print_exc()
    print(f"lmrun: bug: {type(error).__name__}: {error}; please report it with the lines above", file=sys.stderr)
    return 1


def complain(error: LmrunError) -> int:
    """Print a mistake as one line, its traceback too under LMRUN_DEBUG=1, and return its exit code.

    Checks that find several mistakes have a line for each.
    """
    if os.environ.get("LMRUN_DEBUG") == "1":
        traceback.print_exception(error)
    word = "" if isinstance(error, Stopped) else "error: "
    advice = f"; {error.advice}" if getattr(error, "advice", "") else ""
    told = [f"lmrun: {word}{tame(' '.join(reason.split()))}{advice}" for reason in getattr(error, "reasons", [str(error)])]
    told += [f"lmrun: warning: {tame(' '.join(warning.split()))}" for warning in getattr(error, "warnings", [])]
    folder = getattr(error, "folder", None)
    told += [f"  details: {folder}/error.log"] if folder else []
    with contextlib.suppress(OSError):  # a log without room takes no exit code away
        print(without("\n".join(told), getattr(error, "hidden", ())), file=sys.stderr)
    return error.exit_code


def _dispatch(words: list[str]) -> int:
    from lossmetric_cli.cli import help as help_screen

    if words[:1] == ["help"]:
        return help_screen.show(words[1:])
    if {"--help", "-h", "--hydra-help"} & set(words):
        return help_screen.show([])
    if "--version" in words:
        from importlib.metadata import version

        print(f"lmrun {version('lossmetric_cli')}")
        return 0
    if words and _is_verb(words[0]):
        return _verb(words[0], words[1:])
    from lossmetric_cli.cli import app

    return app.answer(words)


def _is_verb(word: str) -> bool:
    return "=" not in word and word[:1] not in ("-", "+", "~")


def _verb(name: str, words: list[str]) -> int:
    verbs = {
        "check": _check,
        "resume": _resume,
        "rerun": _rerun,
        "eval": _eval,
        "export": _export,
        "plot": _plot,
        "report": _report,
        "explain": _explain,
        "list": _list,
    }
    if name not in verbs:
        hint = did_you_mean(name, [*verbs, "help"]) or f"; a choice is typed {name}=NAME, a setting NAME=VALUE"
        raise ConfigError(f"unknown verb '{name}'{hint}")
    return verbs[name](words)


def _check(words: list[str]) -> int:
    """Say what a run would be and what its checks find, and train nothing."""
    from lossmetric_cli.cli import app

    return app.answer(words, is_check=True)


def _explain(words: list[str]) -> int:
    """Print what names mean, or the story of run folders and sweeps."""
    from lossmetric_cli import story

    print(story.answer(words), end="")
    return 0


def _list(words: list[str]) -> int:
    """Print the names of a kind, a line each."""
    from lossmetric_cli.explain import list_names

    print(list_names(words), end="")
    return 0


def _resume(words: list[str]) -> int:
    """Go on with a run that was left, and print its folder."""
    from lossmetric_cli.cli import again

    print(again.resume(words))
    return 0


def _rerun(words: list[str]) -> int:
    """Run a run's own config once more, and print the new folder."""
    from lossmetric_cli.cli import again

    print(again.rerun(words))
    return 0


def _eval(words: list[str]) -> int:
    """Score a run's weights again, and print the folder that keeps the figures."""
    from lossmetric_cli.cli import leave

    print(leave.evaluate(words))
    return 0


def _export(words: list[str]) -> int:
    """Write a run's model for elsewhere, and print the folder that holds it."""
    from lossmetric_cli.cli import leave

    print(leave.export(words))
    return 0


def _plot(words: list[str]) -> int:
    """Draw the pictures of finished runs again, without TensorFlow, and print the folder of each."""
    from lossmetric_cli.cli.redraw import redraw

    return _for_each_run("plot", redraw, words)


def _report(words: list[str]) -> int:
    """Write the page of each run folder, and print its path."""
    from lossmetric_cli.cli.redraw import page

    return _for_each_run("report", page, words)


def _for_each_run(verb: str, make: Callable[[str], Path], words: list[str]) -> int:
    if not words:
        raise ConfigError(f"{verb} needs a run folder; type lmrun {verb} outputs/latest")
    for word in words:
        print(make(word))
    return 0
