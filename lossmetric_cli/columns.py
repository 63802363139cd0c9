"""The columns that a history will have and which way each is better; those of steps of one's own are read off the steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from lossmetric_cli import anatomy, metrics
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.feed import Rows
from lossmetric_cli.outputs import Output

_NO_LOSS = "No loss to compute"
_STEPS = ("train_step", "test_step")


@dataclass(frozen=True)
class Logged:
    """The names that the steps of a model return: `train` of a training step, `test` of one that evaluates.

    `of_batch` are by step those that no metric of the model keeps: values of a single batch.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    of_batch: dict[str, tuple[str, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, those of a training step first."""
        return tuple(dict.fromkeys((*self.train, *self.test)))


def own_steps(model: keras.Model) -> list[str]:
    """Return which of train_step and test_step are the user's own."""
    return [name for name in _STEPS if getattr(type(model), name) is not getattr(keras.Model, name)]


def read(model: keras.Model, rows: dict[str, Rows]) -> Logged | None:
    """Return what the steps of a compiled model return, None where both are Keras' own.

    They are traced, not run: no weight moves, and nothing is drawn. Without rows to evaluate, test_step is not looked at.

    Raises ConfigError where a step fails, or returns no dict of numbers by name.
    """
    if not own_steps(model):
        return None
    judged = next((rows[part].judged for part in ("val", "train_eval") if part in rows), None)
    train, bare = _names(model, "train_step", rows["train"].trained)
    test, bare_test = _names(model, "test_step", judged) if judged is not None else ((), ())
    return Logged(train, test, {"train_step": bare, "test_step": bare_test})


def average(model: keras.Model, logged: Logged) -> list[str]:
    """Let the model log the mean over rows of what its steps return of single batches; return a sentence on it.

    Keras 3.15 logs the last batch's value; and 0.0 of a `loss`, if that is all a step returns, since it reads its own
    tracker then, which such a step does not feed.
    """
    names = dict.fromkeys(name for bare in logged.of_batch.values() for name in bare)
    if not names:
        return []
    means = {name: model._loss_tracker if name == "loss" else keras.metrics.Mean(name=name) for name in names}
    was_locked = model._tracker.locked
    model._tracker.unlock()  # a subclass that was called takes no more parts (Keras 3.15)
    model.means_of_batches = [mean for name, mean in means.items() if name != "loss"]
    if was_locked:
        model._tracker.lock()
    for step, bare in logged.of_batch.items():
        setattr(model, step, _averaged(getattr(model, step), {name: means[name] for name in bare}))
    return [f"{', '.join(names)}: the model's own steps return the value of a batch; here it is the mean over all rows"]


def _averaged(step: Any, means: dict[str, keras.metrics.Metric]) -> Any:
    def averaged(data: Any) -> dict[str, Any]:
        returned, rows = step(data), tf.shape(tf.nest.flatten(data)[0])[0]
        for name, mean in means.items():
            mean.update_state(returned[name], sample_weight=rows)
        return {**returned, **{name: mean.result() for name, mean in means.items()}}

    return averaged


def directions(
    model: keras.Model,
    outputs: list[Output],
    *,
    has_validation: bool,
    has_sample: bool,
    logged: Logged | None = None,
) -> dict[str, str | None]:
    """Return for each column that the history will have "max", "min", or None where nobody said which is better.

    A metric that is taken after an epoch has no running value in it, and so no column without `val_` or `train_…_eval`;
    nor has any under a loss that samples. Of a model with steps of its own it is what those return, `logged`.
    """
    known: dict[str, str | None] = {"loss": "min", **{output.column("loss"): "min" for output in outputs if output.name}}
    later: dict[str, str | None] = {}
    for output in outputs:
        for metric in output.metrics:
            table = later if isinstance(metric, metrics.Whole) or output.task.is_sampled else known
            table |= dict.fromkeys(output.columns[metric.name], metrics.direction(metric))
    if logged:
        return _of_steps(model, logged, later, has_validation=has_validation, has_sample=has_sample)
    parts = {"data_loss": "min", anatomy.UNWEIGHTED: "min"}
    others = {metric.name: parts.get(metric.name) for metric in model.metrics if metric.name not in ("compile_metrics", *known)}
    train = {**known, **others}
    columns = {name: way for name, way in train.items() if name != anatomy.SCATTER}
    if has_validation:
        columns |= {f"val_{name}": way for name, way in (train | later).items()}
    return columns | ({f"train_{name}_eval": way for name, way in (known | later).items()} if has_sample else {})


def _of_steps(
    model: keras.Model, logged: Logged, later: dict[str, str | None], *, has_validation: bool, has_sample: bool
) -> dict[str, str | None]:
    measured = {metric.name: metrics.direction(metric) for metric in model.metrics}
    ways = {name: "min" if name == "loss" else measured.get(name) for name in logged.names}
    found = {name: ways[name] for name in logged.train if name != anatomy.SCATTER}
    if has_validation:
        found |= {f"val_{name}": way for name, way in ({name: ways[name] for name in logged.test} | later).items()}
    judged = {name: ways[name] for name in figures(model, logged)} | later
    return found | ({f"train_{name}_eval": way for name, way in judged.items()} if has_sample else {})


def figures(model: keras.Model, logged: Logged) -> list[str]:
    """Return what a test_step returns but for the parts of its loss."""
    parts = {anatomy.SCATTER, *(mean.name for mean in getattr(model, "loss_parts", ()))}
    return [name for name in logged.test if name not in parts]


def drop_unlogged(model: keras.Model, outputs: list[Output], logged: Logged) -> list[str]:
    """Drop the metrics that the model's own steps do not count; return a sentence on them."""
    lost = []
    for output in outputs:
        kept = [m for m in output.metrics if isinstance(m, metrics.Whole) or set(output.columns[m.name]) & set(logged.names)]
        lost += [f"metrics.{output.column(metric.name)}" for metric in output.metrics if metric not in kept]
        output.metrics = kept
    if lost:
        model._compile_metrics = None  # fit asks compiled metrics for their result, and raises where none was fed (Keras 3.15)
    return [f"{', '.join(lost)}: the model's own steps return no such name, so there is no column"] if lost else []


def _names(model: keras.Model, step: str, rows: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what a step returns by name, and which of it no metric of that name keeps."""
    signature = tf.nest.map_structure(lambda array: tf.TensorSpec([None, *array.shape[1:]], array.dtype), rows)
    try:
        graph = tf.function(getattr(model, step), autograph=False).get_concrete_function(signature)
    except Exception as error:  # whatever the user's code raises
        if _NO_LOSS in str(error):
            raise ConfigError(_without_loss(step)) from error
        told = " ".join(line.strip() for line in str(error).splitlines()[-3:] if line.strip())
        raise ConfigError(f"model: its {step} fails inside a graph: {type(error).__name__}: {told[-120:]}") from error
    returned = graph.structured_outputs
    if not isinstance(returned, dict) or any(value.shape.rank for value in returned.values()):
        raise ConfigError(f"model: its {step} must return a dict of one number a name, such as {{'loss': loss}}")
    touched = {id(handle) for handle in graph.graph.external_captures}
    kept = {metric.name for metric in model.metrics if any(id(v.value.handle) in touched for v in metric.variables)}
    several = _parts_of(model)
    return tuple(returned), tuple(name for name in returned if name not in kept | several)


def _parts_of(model: keras.Model) -> set[str]:
    """Return the names that metrics of several values, and those that `compile` was given, have in a log."""
    compiled = getattr(model._compile_metrics, "metrics", None) or []
    return {name for metric in compiled for name in (metric.name, *metrics.columns(metric))}


def _without_loss(step: str) -> str:
    if step == "train_step":
        return "loss=none, and the model adds no loss of its own; type loss=auto"
    return (
        "model: it has a train_step and no test_step, and loss=none leaves nothing to evaluate; "
        "write a test_step, or type validation=none train_eval=0"
    )
