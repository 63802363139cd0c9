"""Plain values and arrays in one another, told apart for the disk and put together again."""

from __future__ import annotations

from typing import Any

import numpy as np

from lossmetric_cli.errors import StateFault

_ARRAY = "__array__"
_KINDS = (bool, int, float, str, type(None))


def apart(value: Any, *, name: str) -> tuple[Any, dict[str, np.ndarray]]:
    """Return a value as JSON has it and, by name, the arrays that stood in it; tuples become lists.

    Raises StateFault for anything but plain values, lists, dicts with text for keys, and arrays.
    """
    arrays: dict[str, np.ndarray] = {}

    def plain(item: Any, path: str) -> Any:
        if hasattr(item, "__array__") and not isinstance(item, np.generic):
            item = np.asarray(item)
            arrays[path] = as_bytes(item)
            return {_ARRAY: path, "dtype": str(item.dtype), "shape": list(item.shape)}
        if isinstance(item, np.generic):
            return item.item()
        if isinstance(item, dict) and all(isinstance(key, str) for key in item) and _ARRAY not in item:
            return {key: plain(part, f"{path}.{key}") for key, part in item.items()}
        if isinstance(item, (list, tuple)):
            return [plain(part, f"{path}.{place}") for place, part in enumerate(item)]
        if isinstance(item, _KINDS):
            return item
        raise StateFault(f"{path}: a state is plain values and arrays, and this is a {type(item).__name__}")

    return plain(value, name), arrays


def together(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Return what `apart` was given, tuples as lists."""
    if isinstance(value, dict) and _ARRAY in value:
        return from_bytes(arrays[value[_ARRAY]], value["dtype"], value["shape"])
    if isinstance(value, dict):
        return {key: together(part, arrays) for key, part in value.items()}
    return [together(part, arrays) for part in value] if isinstance(value, list) else value


def as_bytes(array: np.ndarray) -> np.ndarray:
    """Return an array as NumPy's own format can hold it: of a foreign type, such as bfloat16, its plain bytes."""
    return array if array.dtype.isbuiltin == 1 else np.frombuffer(array.tobytes(), dtype=np.uint8)


def from_bytes(array: np.ndarray, dtype: str, shape: list[int]) -> np.ndarray:
    """Return the array that `as_bytes` was given."""
    return array if str(array.dtype) == dtype else np.frombuffer(array.tobytes(), dtype=_type(dtype)).reshape(shape)


def _type(name: str) -> np.dtype:
    import ml_dtypes  # which brings bfloat16 and its like, and which TensorFlow needs

    return np.dtype(getattr(ml_dtypes, name))
