"""The numbers that the rest of a training follows from, taken from it and put back."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state

from lossmetric_cli.errors import StateFault
from lossmetric_cli.state import memories
from lossmetric_cli.state.archive import State
from lossmetric_cli.state.values import apart, as_bytes, from_bytes, together

Callback = keras.callbacks.Callback
Numbers = dict[str, np.ndarray]


class Snapshot:
    """Takes and puts back all that training depends on but rows and their order, which are a function of (seed, epoch).

    `model.variables` hold the seeds of dropout and noise, which `model.weights`, and so Keras' own files, leave out (3.15).

    Args:
        model: the compiled model.
        callbacks: those that remember something from epoch to epoch.
        others: variables that belong to neither model nor optimizer.
    """

    def __init__(self, model: keras.Model, callbacks: Sequence[Callback], others: Iterable[tf.Variable] = ()) -> None:
        self._model = model
        self.callbacks = list(callbacks)
        self._others = list(others)

    @property
    def size(self) -> int:
        """How many bytes a state takes, about."""
        return sum(int(np.prod(v.shape)) * 4 for v in self._variables())

    def take(self) -> tuple[dict[str, Any], Numbers]:
        """Return the present state as facts and arrays."""
        facts, arrays = apart(
            {"callbacks": memories.of(self.callbacks), "random": list(random.getstate()), "numpy": list(np.random.get_state())},
            name="remembered",
        )
        facts["weights"] = [variable.path for variable in self._model.variables]
        kinds = {"variables": self._variables(), "metrics": self._model.metrics_variables}
        for kind, variables in kinds.items():
            values = [np.asarray(variable) for variable in variables]
            facts[kind] = [[str(value.dtype), list(value.shape)] for value in values]
            arrays |= {f"{kind}.{place}": as_bytes(value) for place, value in enumerate(values)}
        return facts, arrays

    def prepare(self, state: State) -> list[str]:
        """Make callbacks go on with their files, before training begins again; return a sentence on those that forget."""
        with _explained():
            memories.go_on_with_files(self.callbacks, self._remembered(state)["callbacks"])
        return [
            f"{name} keeps no state over a resume; give it get_state and set_state"
            for name in memories.forgetful(self.callbacks)
        ]

    def put(self, state: State) -> None:
        """Put everything back but what metrics have counted. Raises StateFault where the state is of another model."""
        with _explained():
            remembered = self._remembered(state)
            memories.give_back(self.callbacks, remembered["callbacks"])
            version, internal, gauss = remembered["random"]
            random.setstate((version, tuple(internal), gauss))
            np.random.set_state(tuple(remembered["numpy"]))
            self._assign("variables", self._variables(), state)

    def put_metrics(self, state: State) -> None:
        """Put back what metrics had counted of an epoch that was left inside."""
        with _explained():
            self._assign("metrics", self._model.metrics_variables, state)

    def _assign(self, kind: str, variables: list[Any], state: State) -> None:
        known = state.facts[kind]
        here = [[str(np.asarray(v).dtype), list(v.shape)] for v in variables]
        if here != known:
            raise StateFault(f"the state is of another model: {len(known)} {kind} there, {len(here)} here, or other shapes")
        for place, (variable, (dtype, shape)) in enumerate(zip(variables, known, strict=True)):
            variable.assign(from_bytes(state.arrays[f"{kind}.{place}"], dtype, shape))

    def _remembered(self, state: State) -> dict[str, Any]:
        return together({key: state.facts[key] for key in ("callbacks", "random", "numpy")}, state.arrays)

    def _variables(self) -> list[Any]:
        """Return the variables of the model, of its optimizers, and of random operations without a seed of their own."""
        owned = [part for part in vars(self._model).values() if isinstance(part, keras.optimizers.Optimizer)]
        optimizers = [self._model.optimizer, *(part for part in owned if part is not self._model.optimizer)]
        common = global_state.get_global_attribute("global_seed_generator")
        found = [*self._model.variables, *(v for optimizer in optimizers if optimizer for v in optimizer.variables)]
        return list({id(v): v for v in [*found, *([common.state] if common else []), *self._others]}.values())


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turn what does not fit into a sentence: a state may be of another run, of an older callback, or of nobody's."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        told = " ".join(str(error).split())[:120]
        raise StateFault(f"the state does not fit the run: {type(error).__name__}: {told}; type lmrun rerun RUN") from error
