"""The machine a run trains on: device, precision, threads and determinism, set before TensorFlow starts."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lossmetric_cli.errors import ConfigError, EnvironmentFault
from lossmetric_cli.spec import RunSpec


@dataclass(frozen=True)
class Machine:
    """Where a run trains. `strategy` is there when it trains on several devices at once."""

    label: str
    threads: int
    is_deterministic: bool
    strategy: Any = None

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Return the context in which the model must be made."""
        return self.strategy.scope() if self.strategy else contextlib.nullcontext()

    def facts(self) -> dict[str, Any]:
        """Return what run.json says of the machine."""
        packages = ("lossmetric_cli", "keras", "tensorflow", "numpy", "hydra-core", "omegaconf")
        versions = {name: importlib.metadata.version(name) for name in packages if _is_installed(name)}
        return {
            "device": self.label,
            "threads": self.threads,
            "deterministic": self.is_deterministic,
            "versions": {"python": platform.python_version(), **versions},
            "platform": platform.platform(),
        }


def start(spec: RunSpec) -> Machine:
    """Return the machine that the settings ask for, with TensorFlow set up for it and every seed set.

    `load_tensorflow` has been called before.

    Raises:
        EnvironmentFault: a GPU was asked for that TensorFlow does not see.
        ConfigError: TensorFlow already runs in this process with other threads, devices or determinism.
    """
    import keras
    import tensorflow as tf

    kind, indices = _wanted_devices(spec.device, tf)
    threads = spec.threads or len(os.sched_getaffinity(0))
    is_deterministic = spec.deterministic if spec.deterministic is not None else kind == "CPU"
    if spec.jit_compile and is_deterministic:
        raise ConfigError("jit_compile=true has no effect under op determinism; type deterministic=false beside it")
    if spec.batch_size % len(indices):
        raise ConfigError(
            f"batch_size={spec.batch_size} cannot be shared by {len(indices)} devices; take a multiple of {len(indices)}"
        )
    _set_up(tf, kind, indices, threads=threads, is_deterministic=is_deterministic)
    keras.backend.clear_session()  # of an earlier job's layers and names; it forgets policy and seeds too, so it goes first
    keras.config.set_dtype_policy(spec.precision.value)
    keras.utils.set_random_seed(spec.seed)
    names = [f"{kind}:{index}" for index in indices]
    strategy = tf.distribute.MirroredStrategy(names) if len(names) > 1 else None
    return Machine(_label(kind, indices), threads, is_deterministic, strategy)


def load_tensorflow() -> None:
    """Import TensorFlow and Keras, with the variables set that must stand before: backends, chatter, memory growth.

    Keras imports matplotlib (3.15), which ends with a backend that it does not know, as a notebook's shell may name one.

    TensorFlow's libraries write a few lines to the process' stderr while they load, whatever the log level is (seen in
    2.21); those are dropped unless TF_CPP_MIN_LOG_LEVEL was set by the user.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["MPLBACKEND"] = "Agg"
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        import keras  # noqa: F401

        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with silent_stderr():
        import tensorflow as tf
    tf.get_logger().setLevel("ERROR")  # it warns of a function traced anew in each job of a sweep, as it must be


@contextlib.contextmanager
def silent_stderr() -> Iterator[None]:
    """Drop what TensorFlow's libraries write to the process' stderr by themselves."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def is_memory_full(error: BaseException | None) -> bool:
    """Return whether an error, or one that led to it, says that the memory is full.

    Keras makes a RuntimeError of TensorFlow's where it comes up within a layer (3.15).
    """
    import tensorflow as tf

    while error and not isinstance(error, (MemoryError, tf.errors.ResourceExhaustedError)):
        error = error.__cause__ or error.__context__
    return error is not None


def _wanted_devices(device: str, tf: Any) -> tuple[str, list[int]]:
    """Return "CPU" or "GPU" and the numbers of the devices asked for; `auto` is the first GPU where there is one."""
    gpus = tf.config.list_physical_devices("GPU")
    kind, _, chosen = device.partition(":")
    if kind == "auto":
        return ("GPU" if gpus else "CPU"), [0]
    indices = [int(index) for index in chosen.split("+")] if chosen else [0]
    if kind == "gpu" and max(indices) >= len(gpus):
        sees = f"sees {len(gpus)} GPU{'s' * (len(gpus) != 1)}" if gpus else "sees no GPU"
        install = "" if gpus else ", or install lossmetric_cli[gpu]"
        raise EnvironmentFault(f"device={device}, but TensorFlow {sees}; type device=cpu or device=auto{install}")
    return kind.upper(), indices


_settled: dict[str, Any] = {}


def _set_up(tf: Any, kind: str, indices: list[int], *, threads: int, is_deterministic: bool) -> None:
    """Fix what TensorFlow can be told once only; a later run in this process must want the same."""
    wanted = {"device": _label(kind, indices), "threads": threads, "deterministic": is_deterministic}
    for name, value in _settled.items():
        if wanted[name] != value:
            raise ConfigError(
                f"{name} was {value} in an earlier job of this process and is now {wanted[name]}; TensorFlow cannot change it "
                "once it runs: sweep it in a shell loop, one lmrun a value"
            )
    if _settled:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        _show_devices(tf, kind, indices)
    except RuntimeError as error:
        raise ConfigError("TensorFlow already runs in this process with other settings; start lmrun from the shell") from error
    if is_deterministic:
        tf.config.experimental.enable_op_determinism()
    _settled.update(wanted)


def _show_devices(tf: Any, kind: str, indices: list[int]) -> None:
    if kind == "CPU":
        tf.config.set_visible_devices([], "GPU")
        if len(indices) > 1:
            logical = [tf.config.LogicalDeviceConfiguration() for _ in range(max(indices) + 1)]
            tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], logical)
        return
    gpus = tf.config.list_physical_devices("GPU")
    tf.config.set_visible_devices([gpus[index] for index in indices], "GPU")


def _label(kind: str, indices: list[int]) -> str:
    return kind if indices == [0] else f"{kind}:{'+'.join(map(str, indices))}"


def _is_installed(name: str) -> bool:
    try:
        return bool(importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return False
