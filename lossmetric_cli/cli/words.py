"""The words of a command line, made what Hydra understands: kinder than its grammar, and stricter than its habits."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from lossmetric_cli import shipped
from lossmetric_cli.errors import ConfigError

_SCHEDULE = "optimizer/learning_rate"
_WORD = re.compile(r"(?P<key>[~+]{0,2}[\w./@-]+)=(?P<value>.*)", re.DOTALL)


@dataclass
class Words:
    """Hydra's overrides, and a sentence for each word that was translated."""

    overrides: list[str]
    notes: list[str] = field(default_factory=list)


def read(typed: list[str]) -> Words:
    """Return the overrides that a person's words stand for.

    `+experiment=x` and `experiment=x` are the same; `lr` and `decay` are translated; a value that Hydra's grammar has
    no reading for is quoted.

    Raises ConfigError for a word that cannot be read, and for a list, a mapping or null where one option belongs.
    """
    words = Words([re.sub(r"^\++(experiment|(?:optimizer\.)?lr|(?:optimizer\.)?decay)=", r"\1=", word) for word in typed])
    words.overrides = [_without_quoted_keys(_of_outputs(word)) for word in words.overrides]
    _translate_rate(words)
    words.overrides = [re.sub(rf"^({_SCHEDULE}|experiment)=null$", r"~\1", word) for word in words.overrides]
    words.overrides = [_readable(word) for word in words.overrides]
    groups = {*shipped.groups(), "experiment"}
    for override in parse(words.overrides):
        _refuse_half_taken(override, groups)
    return words


def parse(overrides: list[str]) -> list[Override]:
    """Return Hydra's reading of overrides."""
    return OverridesParser.create().parse_overrides(overrides)


def quote(text: str) -> str:
    """Return text as Hydra's grammar reads it back, whatever is in it."""
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", text)
    return "'" + re.sub(r"(\\+)$", r"\1\1", escaped) + "'"


def _without_quoted_keys(word: str) -> str:
    """Return class weights as JSON writes them, `{"0": 1}`, with keys as Hydra's grammar has them."""
    is_weights = re.match(r"\+*(outputs\.\w+\.)?class_weight=\{", word)
    return re.sub(r"""(["'])([\w.-]+)\1(\s*):""", r"\2\3:", word) if is_weights else word


def _of_outputs(word: str) -> str:
    """Return a word on outputs as Hydra takes it: names in a list become keys, and keys may be new."""
    listed = re.fullmatch(r"\+*outputs=\[([\w, ]*)\]", word)
    if listed:
        return f"outputs={{{','.join(f'{name.strip()}:{{}}' for name in listed[1].split(','))}}}"
    return re.sub(r"^\+*outputs\.", "++outputs.", word)


def _translate_rate(words: Words) -> None:
    """Translate `lr=`, `decay=` and a number for a learning rate that is a schedule."""
    has_schedule = any(re.match(rf"\+?{_SCHEDULE}=(?!null$)", word) for word in words.overrides)
    decay = [word for word in words.overrides if re.match(r"(optimizer\.)?decay=", word)]
    rates = [word for word in words.overrides if re.match(r"(optimizer\.)?(lr|learning_rate)=", word)]
    if decay and has_schedule:
        raise ConfigError(f"{decay[0]} beside a {_SCHEDULE} schedule; keep one of them")
    target = "optimizer.learning_rate" + (".initial_learning_rate" if has_schedule or decay else "")
    for word in rates:
        translated = f"{target}={word.split('=', 1)[1]}"
        if word != translated:
            words.overrides[words.overrides.index(word)] = translated
            words.notes.append(f"{word} is read as {translated}")
    if decay:
        _translate_decay(words, decay[0], has_rate=bool(rates))


def _translate_decay(words: Words, word: str, *, has_rate: bool) -> None:
    """Keras 2's `decay`, which Keras 3 ignores: the rate is divided by 1 + decay * step."""
    steps = [
        f"{_SCHEDULE}=inverse_time_decay",
        "optimizer.learning_rate.decay_steps=1",
        f"optimizer.learning_rate.decay_rate={word.split('=', 1)[1]}",
    ]
    if not has_rate:
        steps.append(f"optimizer.learning_rate.initial_learning_rate={_default_rate(words.overrides)}")
    words.overrides[words.overrides.index(word) : words.overrides.index(word) + 1] = steps
    words.notes.append(f"{word} is read as {' '.join(steps)}")


def _default_rate(overrides: list[str]) -> str:
    """Return the learning rate of the chosen optimizer, as its file has it."""
    choices = ["optimizer=adam", *(word for word in overrides if re.match(r"(optimizer|experiment)=", word))]
    group, _, name = choices[-1].partition("=")
    file = shipped.options(group).get(shipped.aliases(group).get(name, name))
    found = re.search(r"^learning_rate: *(\S+)", file.read_text(encoding="utf-8"), re.MULTILINE) if file else None
    if not found or group == "experiment":
        raise ConfigError(f"decay needs to know the learning rate of {choices[-1]}; type optimizer.learning_rate=… beside it")
    return found[1]


def _readable(word: str) -> str:
    """Return the word, its value quoted where Hydra cannot read it and it is plainly meant as text.

    Raises ConfigError where there is no reading.
    """
    if word.startswith("="):
        raise ConfigError(f"cannot read '{word}': no name stands before the '='")
    try:
        parse([word])
        return word
    except HydraException as error:
        match = _WORD.fullmatch(word)
        if match is None or match["value"][:1] in "[{'\"" or "," in match["value"] or "${" in match["value"]:
            raise ConfigError(f"cannot read '{word}': {_why_unreadable(word, error)}") from error
    quoted = f"{match['key']}={quote(match['value'])}"
    try:
        parse([quoted])
    except HydraException as error:
        raise ConfigError(f"cannot read '{word}': {_first_line(error)}") from error
    return quoted


def _refuse_half_taken(override: Override, groups: set[str]) -> None:
    """Refuse what Hydra would take the half of: a list, a mapping or null where one option belongs."""
    group = override.key_or_group
    if group not in groups or override.is_delete():
        return
    takes_many = group in shipped.MANY
    values = list(override.sweep_iterator()) if override.is_sweep_override() else [override.value()]
    for value in values:
        shown = override.input_line.split("=", 1)[1] if override.input_line and "=" in override.input_line else value
        if isinstance(value, dict):
            raise ConfigError(
                f"{group}={shown}: {group} takes the name of an option, not a mapping; type {group}=NAME {group}.KEY=…"
            )
        if isinstance(value, list) and not takes_many:
            both = f", their sum {_weighted_sum(value)}" if group == "loss" and len(value) > 1 else ""
            raise ConfigError(
                f"{group}={shown}: {group} takes one option, not a list; a sweep is typed -m {group}={_joined(value)}{both}"
            )
        if value is None:
            raise ConfigError(f"{group}={shown}: {group} takes the name of an option, and null is none; {_some_options(group)}")
        if isinstance(value, list):
            _refuse_twice(group, value)
        elif takes_many and "+" in str(value):
            _refuse_twice(group, str(value).split("+"))


def _refuse_twice(group: str, names: list[object]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{group}: '{name}' is listed twice")


def _some_options(group: str) -> str:
    none = {"loss": ", or loss=none", **{many: f", or {many}=[] for none" for many in shipped.MANY}}.get(group, "")
    return f"type {group}=NAME{none} (lmrun help {group} lists all {len(shipped.options(group))})"


def _joined(value: list[object]) -> str:
    return ",".join(str(item) for item in value)


def _weighted_sum(losses: list[object]) -> str:
    return f"loss=weighted_sum 'loss.parts={{{','.join(f'{loss}:1' for loss in losses)}}}'"


def _why_unreadable(word: str, error: Exception) -> str:
    for opening, closing in ("[]", "{}", "()"):
        if word.count(opening) > word.count(closing):
            return f"missing '{closing}'"
        if word.count(opening) < word.count(closing):
            return f"one '{closing}' too many"
    key, _, value = word.partition("=")
    if "," in value and value[:1] not in "[{'\"":
        return f"text with a comma needs quotes of its own: \"{key}='{value}'\""
    if value[:1] == "[" and value[-1:] == "]":
        items = ",".join(f"'{item.strip()}'" for item in value[1:-1].split(","))
        return f'text with blanks, brackets or other letters needs quotes of its own in a list: "{key}=[{items}]"'
    return _first_line(error)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
