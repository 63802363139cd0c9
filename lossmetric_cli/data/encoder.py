"""Columns of a table become what a model reads: fitted on the training rows, and itself a Keras model.

It is made of Keras' own layers and operations alone, so that a saved model which holds it answers raw rows wherever Keras is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lossmetric_cli.data.columns import YES_AND_NO, Column
from lossmetric_cli.data.sentences import counted, listed, quoted
from lossmetric_cli.errors import DataError

if TYPE_CHECKING:
    import keras
    import numpy as np

#: Rows that are encoded at once.
_BATCH = 65_536
#: So many columns of plain numbers have an input each; more come as one input, a column beside the other.
_MOST_INPUTS = 256
#: The longest text that is kept whole without being told to, in words.
_LONGEST_TEXT = 256
#: Characters of a date and its time; their place in the list is their number.
_DATE_CHARACTERS = "0123456789-: T"
_DATE_LENGTH = len("2026-12-31 23:59:59")


@dataclass(frozen=True)
class Recipe:
    """How columns are encoded: what a missing number becomes, when categories are embedded, how much of a text is kept.

    `missing` is error, mean, median or zero; a category of more than `one_hot` values becomes a number that a model
    embeds; of texts the `words` most frequent words are known, and `length` of them kept (None: so many as 95 of 100
    training texts have, up to 256).
    """

    missing: str = "error"
    one_hot: int = 32
    words: int = 20_000
    length: int | None = None


@dataclass
class Encoder:
    """The fitted encoding.

    `model` takes a dict of raw columns, (rows,) each, and returns a dict by input: "numbers" float32 (rows, columns), and
    one of int32 (rows,) for each embedded category, (rows, words) for each text. `names` are the columns of each input of
    numbers, `values` the different numbers of each other input, `packed` the columns that come as one input by its name,
    `fills` what a missing number of a column becomes.
    """

    model: keras.Model
    names: dict[str, tuple[str, ...]]
    values: dict[str, int]
    notes: list[str] = field(default_factory=list)
    packed: dict[str, list[str]] = field(default_factory=dict)
    fills: dict[str, float] = field(default_factory=dict)

    def encode(self, raw: dict[str, np.ndarray]) -> Any:
        """Return raw rows as a model reads them: a dict by input, or the array alone where numbers are all there is."""
        import numpy as np

        rows, keyed = len(next(iter(raw.values()))), self.given(raw)
        blocks = [self._encoded(keyed, start) for start in range(0, rows, _BATCH)]
        arrays = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
        return arrays["numbers"] if list(arrays) == ["numbers"] else arrays

    def given(self, raw: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return raw rows by the names that the inputs of `model` have."""
        import numpy as np

        keyed = {name.replace("/", "_"): cells for name, cells in raw.items()}
        for group, columns in self.packed.items():
            keyed[group] = np.stack([raw[name] for name in columns], axis=-1)
        return {name: keyed[name] for name in self.model.input}

    def _encoded(self, keyed: dict[str, np.ndarray], start: int) -> dict[str, np.ndarray]:
        import numpy as np

        rows = {
            name: cells[start : start + _BATCH].astype("U") if cells.dtype == object else cells[start : start + _BATCH]
            for name, cells in keyed.items()
        }
        return {name: np.asarray(array) for name, array in self.model(rows).items()}


def fit(columns: Sequence[Column], raw: dict[str, np.ndarray], *, recipe: Recipe) -> Encoder:
    """Return the encoder of these columns, with everything that it has to learn taken from the rows of `raw`."""
    import keras

    inputs: dict[str, Any] = {}
    blocks: dict[str, list[Any]] = {}
    names: dict[str, list[str]] = {}
    values: dict[str, int] = {}
    outputs: dict[str, Any] = {}
    notes: list[str] = []
    packed = _packed(columns, recipe)
    for group, together in packed.items():
        inputs[group] = keras.Input((len(together),), name=group)
        blocks[group], names[group] = [inputs[group]], list(together)
        notes.append(f"{len(together):,} columns of numbers are one input of the model, {quoted(group)}")
    for column in columns:
        if column.name in packed.get(column.group, ()):
            continue
        cells = raw[column.name]
        if column.kind in ("category", "boolean") and not _distinct(cells):
            raise DataError(f"column {quoted(column.name)} has no value in any training row; list it in data.drop")
        dtype = "float32" if column.kind == "number" else "string"
        given = inputs[column.key] = keras.Input((), dtype=dtype, name=column.key)
        if column.kind == "text":
            outputs[column.key], values[column.key] = _tokens(given, cells, recipe)
        elif column.kind == "category" and _distinct(cells) > recipe.one_hot:
            outputs[column.key], values[column.key] = _numbered(given, cells)
            notes.append(f"column {quoted(column.name)} has {values[column.key] - 1:,} values and is embedded")
        else:
            block, parts = _ENCODERS[column.kind](given, cells, column, recipe, notes)
            blocks.setdefault(column.group, []).append(block)
            names.setdefault(column.group, []).extend(parts)
    for group, parts in blocks.items():
        outputs = {group: keras.ops.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0], **outputs}
    model = keras.Model(inputs, outputs, name="columns")
    fills = {c.name: _fill(raw[c.name], recipe) for c in columns if c.kind == "number" and recipe.missing != "error"}
    return Encoder(model, {group: tuple(parts) for group, parts in names.items()}, values, notes, packed, fills)


def _packed(columns: Sequence[Column], recipe: Recipe) -> dict[str, list[str]]:
    """Return by input the columns of numbers that come as one, since an input for each of so many would take long."""
    plain = [column for column in columns if column.kind == "number" and recipe.missing == "error"]
    groups = {column.group: [other.name for other in plain if other.group == column.group] for column in plain}
    return {group: names for group, names in groups.items() if len(names) > _MOST_INPUTS}


def unseen(columns: Sequence[Column], trained: dict[str, Any], other: dict[str, Any], *, word: str) -> list[str]:
    """Return a sentence for each column of words that has some in other rows which the training rows lack."""
    import numpy as np

    found = []
    for column in columns:
        if column.kind in ("category", "boolean"):
            strange = ~np.isin(other[column.name], [*set(trained[column.name]), ""])
            if strange.any():
                rows, first = counted(int(strange.sum()), f"{word} row"), quoted(other[column.name][strange.argmax()], limit=24)
                found.append(
                    f"column {quoted(column.name)} has values in {rows} that training lacks ({first}); they count as unknown"
                )
    return found


def _distinct(cells: np.ndarray) -> int:
    return len(set(cells) - {""})


def _number(given: Any, cells: np.ndarray, column: Column, recipe: Recipe, notes: list[str]) -> tuple[Any, list[str]]:
    """Return a number, a missing one filled as the training rows say."""
    import keras

    if recipe.missing != "error":
        given = keras.ops.where(keras.ops.isfinite(given), given, _fill(cells, recipe))
    return keras.ops.expand_dims(given, -1), [column.name]


def _fill(cells: np.ndarray, recipe: Recipe) -> float:
    """Return what a missing number becomes."""
    import numpy as np

    known = cells[np.isfinite(cells)].astype("float64")
    found = {"mean": np.mean, "median": np.median}.get(recipe.missing)
    return float(found(known)) if found and len(known) else 0.0


def filled(columns: Sequence[Column], encoder: Encoder, *, recipe: Recipe, absent: dict[str, int]) -> list[str]:
    """Return a sentence for each column that lacks values, on what became of them."""
    words = {"category": "count as unknown", "boolean": "count as no", "date": "became zeros", "text": "have no word"}
    became = {c.name: words.get(c.kind) or f"became {encoder.fills[c.name]:.4g}" for c in columns if recipe.missing != "error"}
    return [
        f"{counted(absent[name], 'missing value')} of {quoted(name)} {told}" for name, told in became.items() if absent[name]
    ]


def absences(columns: Sequence[Column], raw: dict[str, np.ndarray]) -> dict[str, int]:
    """Return how many values each column lacks."""
    import numpy as np

    return {c.name: int((np.isnan(raw[c.name]) if c.kind == "number" else raw[c.name] == "").sum()) for c in columns}


def _boolean(given: Any, cells: np.ndarray, column: Column, recipe: Recipe, notes: list[str]) -> tuple[Any, list[str]]:
    """Return 1 for the word that is yes, in the spellings that people use, and 0 for any other."""
    import keras

    there = set(cells)
    yes = next(words[0] for words in YES_AND_NO if there & set(words))
    spelled = [yes, yes.upper(), yes.capitalize()]
    number = keras.layers.StringLookup(vocabulary=list(dict.fromkeys(spelled)), num_oov_indices=1)(given)
    return keras.ops.expand_dims(keras.ops.cast(number > 0, "float32"), -1), [column.name]


def _one_hot(given: Any, cells: np.ndarray, column: Column, recipe: Recipe, notes: list[str]) -> tuple[Any, list[str]]:
    """Return a column of 0 and 1 for each value, all 0 for an unknown one."""
    import keras

    known = sorted(set(cells) - {""})
    notes.append(f"column {quoted(column.name)} is read as {counted(len(known), 'column')} of 0/1: {listed(known)}")
    one_hot = keras.layers.StringLookup(vocabulary=known, num_oov_indices=1, output_mode="one_hot", dtype="float32")(given)
    return one_hot[:, 1:], [f"{column.name}={value}" for value in known]


def _date(given: Any, cells: np.ndarray, column: Column, recipe: Recipe, notes: list[str]) -> tuple[Any, list[str]]:
    """Return a date as its day counted from 1970, month, day of the month and of the week (Monday is 0), and hour if any.

    The day is counted as in H. Fliegel and T. Van Flandern (1968), from the characters of an ISO date. An absent date is 0.
    """
    import keras

    lookup = keras.layers.TextVectorization(
        standardize=None, split="character", vocabulary=list(_DATE_CHARACTERS), output_sequence_length=_DATE_LENGTH
    )
    ops = keras.ops
    digits = ops.cast(lookup(given), "int32") - 2  # 0 is padding, 1 an unknown character
    is_there = ops.cast(digits[:, 0] >= 0, "float32")

    def number(start: int, end: int) -> Any:
        places = [digits[:, place] * 10 ** (end - place - 1) for place in range(start, end)]
        return ops.maximum(sum(places[1:], places[0]), 0)

    year, month, day = number(0, 4), number(5, 7), number(8, 10)
    before_march = ops.cast(month <= 2, "int32")
    julian = (
        day
        - 32_075
        + 1461 * (year + 4800 - before_march) // 4
        + 367 * (month - 2 + 12 * before_march) // 12
        - 3 * ((year + 4900 - before_march) // 100) // 4
    )
    parts = {"day": julian - 2_440_588, "month": month, "day_of_month": day, "weekday": julian % 7}
    if any(len(cell) > len("2026-12-31") for cell in cells):
        parts["hour"] = ops.cast(number(11, 13), "float32") + ops.cast(number(14, 16), "float32") / 60
    block = ops.stack([ops.cast(part, "float32") * is_there for part in parts.values()], axis=-1)
    return block, [f"{column.name}.{part}" for part in parts]


def _numbered(given: Any, cells: np.ndarray) -> tuple[Any, int]:
    """Return a category as a number from 1, 0 for an unknown one, and how many numbers there are."""
    import keras

    known = sorted(set(cells) - {""})
    return keras.ops.cast(keras.layers.StringLookup(vocabulary=known, num_oov_indices=1)(given), "int32"), len(known) + 1


def _tokens(given: Any, cells: np.ndarray, recipe: Recipe) -> tuple[Any, int]:
    """Return a text as the numbers of its words, int32 (rows, words), 0 after its end and 1 for an unknown word."""
    import keras
    import numpy as np

    counts = [len(cell.split()) for cell in cells]
    length = recipe.length or max(1, min(_LONGEST_TEXT, math.ceil(np.quantile(counts, 0.95))))
    words = keras.layers.TextVectorization(max_tokens=recipe.words, output_sequence_length=length)
    words.adapt(cells.astype("U"))
    return keras.ops.cast(words(given), "int32"), words.vocabulary_size()


_ENCODERS = {"number": _number, "boolean": _boolean, "category": _one_hot, "date": _date}
