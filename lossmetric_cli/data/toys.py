"""Small real data sets that come with scikit-learn, so that every example runs offline."""

from __future__ import annotations

from typing import Any

from lossmetric_cli.data.dataset import Dataset


def digits() -> Dataset:
    """Return 1,797 handwritten digits, x (1797, 8, 8, 1) in [0, 1] and y the digits 0 to 9."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return Dataset(x=(bunch.images[..., None] / 16).astype("float32"), y=bunch.target, kind="multiclass")


def iris() -> Dataset:
    """Return 150 iris flowers, x (150, 4) in centimetres and y one of 3 species."""
    from sklearn.datasets import load_iris

    return table(load_iris(), kind="multiclass", target="species")


def wine() -> Dataset:
    """Return 178 wines, x (178, 13) of chemical measurements and y one of 3 growers."""
    from sklearn.datasets import load_wine

    return table(load_wine(), kind="multiclass", target="grower")


def breast_cancer() -> Dataset:
    """Return 569 tumours, x (569, 30) and y malignant or benign; benign is class 1, the "positive" one."""
    from sklearn.datasets import load_breast_cancer

    return table(load_breast_cancer(), kind="binary", target="diagnosis")


def diabetes() -> Dataset:
    """Return 442 patients, x (442, 10) in scikit-learn's scaled form and y the disease's progression, 25 to 346."""
    from sklearn.datasets import load_diabetes

    return table(load_diabetes(), kind="regression", target="progression")


def linnerud() -> Dataset:
    """Return 20 men, x (20, 3) of exercises done and y (20, 3): weight, waist and pulse."""
    from sklearn.datasets import load_linnerud

    bunch = load_linnerud()
    return Dataset(
        x=bunch.data.astype("float32"),
        y=bunch.target,
        kind="regression",
        feature_names=tuple(bunch.feature_names),
        target_names=tuple(bunch.target_names),
    )


def table(bunch: Any, *, kind: str, target: str) -> Dataset:
    """Return one of scikit-learn's tables with one target column as a Dataset."""
    return Dataset(
        x=bunch.data.astype("float32"),
        y=bunch.target,
        kind=kind,
        class_names=() if kind == "regression" else tuple(str(name) for name in bunch.target_names),
        feature_names=tuple(str(name) for name in bunch.feature_names),
        target_names=(target,),
    )
