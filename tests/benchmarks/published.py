"""The experiments people publish with compile and fit: each by hand in plain Keras and as one lmrun command, side by side.

    python tests/benchmarks/published.py [NAME ...]

Both train on the same files and answer the same test rows, which are scored here alike; data is made, or comes with
scikit-learn. `best` is what an answer scores that knows how the data was made, or, for the autoencoder, what as many principal
components do. Each way is a process of its own; the seconds begin where TensorFlow is loaded, and lmrun's are of the whole
command with its record, without pictures. Where others use the machine as well, the seconds of CPU tell more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import average_precision_score, roc_auc_score

from lossmetric_cli import data
from lossmetric_cli.cli import answer

L = keras.layers
Scores = dict[str, float]


@dataclass
class Experiment:
    """`make` writes files to the working folder and returns what `plain` trains on and `score` knows.

    `plain` returns what its model answers for the test rows, by output; `score` takes that from either side.
    """

    words: str
    make: Callable[[], Any]
    plain: Callable[[Any], dict[str, np.ndarray]]
    score: Callable[[Any, dict[str, np.ndarray]], Scores]
    best: Callable[[Any], Scores] = lambda made: {}


# --- what several of them share


def fit(
    model: keras.Model, x: Any, y: Any, loss: Any, *, epochs: int, batch: int = 32, weights: Any = None, **given: Any
) -> keras.Model:
    model.compile("adam", loss, loss_weights=weights)
    model.fit(x, y, epochs=epochs, batch_size=batch, verbose=0, **given)
    return model


def answers(model: keras.Model, x: Any) -> dict[str, np.ndarray]:
    found = model.predict(x, batch_size=1024, verbose=0)
    return found if isinstance(found, dict) else {"": found}


def dense(units: int, head: Any, width: int) -> keras.Model:
    return keras.Sequential([keras.Input((width,)), L.Dense(units, "relu"), head])


def write_parts(frame: pd.DataFrame, test: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    parts = frame[:-test], frame[-test:]
    for part, name in zip(parts, ("train.csv", "test.csv"), strict=True):
        part.to_csv(name, index=False)
    return parts


def standardized(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    deviation[deviation == 0] = 1
    return (train - mean) / deviation, (test - mean) / deviation


def digits(shape: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = (x[order] / 16).astype("float32").reshape(-1, *shape), y[order]
    np.savez("digits.npz", x_train=x[:1400], y_train=y[:1400], x_test=x[1400:], y_test=y[1400:])
    return x[:1400], y[:1400], x[1400:], y[1400:]


def accuracy(y: np.ndarray, predicted: np.ndarray) -> float:
    chosen = predicted.argmax(axis=1) if predicted.ndim > 1 and predicted.shape[1] > 1 else predicted.reshape(-1) > 0.5
    return float((chosen == y).mean())


def error(y: np.ndarray, predicted: np.ndarray) -> float:
    return float(np.mean((y.reshape(len(y), -1) - predicted.reshape(len(y), -1)) ** 2))


# --- a table of mixed columns


def make_mixed() -> Any:
    random = np.random.default_rng(0)
    rows = 4000
    city = random.choice(["Bern", "Lima", "Oslo", "Paris", "Rome"], rows)
    frame = pd.DataFrame(
        {"age": random.integers(18, 80, rows), "income": random.lognormal(10, 0.5, rows).round(), "city": city}
        | {"smoker": random.choice(["yes", "no"], rows)}
    )
    effect = dict(zip(["Bern", "Lima", "Oslo", "Paris", "Rome"], [-1.0, 0.5, 0.0, 1.0, -0.5], strict=True))
    logit = (frame.age - 50) / 12 + 1.2 * (frame.smoker == "yes") - 0.6 + frame.city.map(effect)
    frame["ill"] = np.where(random.random(rows) < 1 / (1 + np.exp(-logit)), "yes", "no")
    return (*write_parts(frame, 1000), logit[-1000:])


def mixed_by_hand(made: Any) -> dict[str, np.ndarray]:
    columns = [pd.get_dummies(part.drop(columns="ill"), dtype="float32").to_numpy("float32") for part in made[:2]]
    x, x_test = standardized(*columns)
    return answers(
        fit(dense(64, L.Dense(1, "sigmoid"), x.shape[1]), x, made[0].ill == "yes", "binary_crossentropy", epochs=15), x_test
    )


def area(truth: pd.Series, predicted: np.ndarray) -> Scores:
    return {"AUC": roc_auc_score(truth == "yes", predicted.reshape(-1))}


# --- fraud


def make_fraud() -> Any:
    random = np.random.default_rng(1)
    frame = pd.DataFrame(random.normal(size=(12_000, 10)).round(4), columns=[f"v{number}" for number in range(10)])
    logit = -6.5 + 1.5 * frame.v0 + 1.2 * frame.v1 - frame.v2 + 0.8 * frame.v3 * frame.v4
    frame["fraud"] = (random.random(len(frame)) < 1 / (1 + np.exp(-logit))).astype(int)
    return (*write_parts(frame, 4000), logit[-4000:])


def fraud_by_hand(made: Any) -> dict[str, np.ndarray]:
    x, x_test = standardized(*(part.drop(columns="fraud").to_numpy("float32") for part in made[:2]))
    y = made[0].fraud.to_numpy()
    weights = {label: len(y) / (2 * (y == label).sum()) for label in (0, 1)}
    model = dense(64, L.Dense(1, "sigmoid"), 10)
    return answers(fit(model, x, y, "binary_crossentropy", epochs=10, batch=64, class_weight=weights), x_test)


# --- images, text


def cnn_by_hand(made: Any) -> dict[str, np.ndarray]:
    blocks = [
        layer for count in (16, 32) for layer in (L.Conv2D(count, 3, padding="same", activation="relu"), L.MaxPooling2D())
    ]
    model = keras.Sequential([keras.Input((8, 8, 1)), *blocks, L.Flatten(), L.Dense(64, "relu"), L.Dense(10, "softmax")])
    return answers(fit(model, made[0], made[1], "sparse_categorical_crossentropy", epochs=10), made[2])


def make_text() -> Any:
    made = data.reviews(rows=2000, seed=0)
    frame = pd.DataFrame({"text": made.x["text"], "liked": np.where(made.y == 1, "yes", "no")})
    return write_parts(frame, 500)


def text_by_hand(made: Any) -> dict[str, np.ndarray]:
    words = L.TextVectorization(output_sequence_length=14)
    words.adapt(made[0].text.to_numpy("U"))
    x, x_test = (np.asarray(words(part.text.to_numpy("U"))) for part in made)
    pooled = [L.Embedding(words.vocabulary_size(), 16, mask_zero=True), L.GlobalAveragePooling1D(), L.Dense(64, "relu")]
    model = keras.Sequential([keras.Input((14,)), *pooled, L.Dense(1, "sigmoid")])
    return answers(fit(model, x, made[0].liked == "yes", "binary_crossentropy", epochs=10), x_test)


# --- a series


def make_series() -> Any:
    random, t = np.random.default_rng(2), np.arange(2000)
    load = 100 + 20 * np.sin(t * 2 * np.pi / 24) + 8 * np.sin(t * 4 * np.pi / 24 + 1) + 2 * random.normal(size=len(t))
    when = pd.date_range("2024-01-01", periods=len(t), freq="h").strftime("%Y-%m-%d %H:%M")
    pd.DataFrame({"when": when, "load": load.round(4)}).to_csv("load.csv", index=False)
    windows = np.lib.stride_tricks.sliding_window_view(load.round(4).astype("float32"), 25)
    tested = round(0.2 * len(windows))
    return windows[: -tested - 24], windows[-tested:]


def series_by_hand(made: Any) -> dict[str, np.ndarray]:
    mean, deviation = made[0].mean(), made[0].std()
    train, test = ((part - mean) / deviation for part in made)
    model = keras.Sequential([keras.Input((24, 1)), L.GRU(32), L.Dense(1)])
    found = answers(fit(model, train[:, :24, None], train[:, 24], "mse", epochs=15), test[:, :24, None])
    return {"": found[""] * deviation + mean}


# --- a recommender


def make_ratings() -> Any:
    made = data.ratings(rows=12_000, people=200, films=100, seed=0)
    return write_parts(pd.DataFrame({**made.x, "rating": made.y.round(4)}), 3000)


def ratings_by_hand(made: Any) -> dict[str, np.ndarray]:
    inputs, vectors, biases = {}, [], []
    for name, count in (("person", 200), ("film", 100)):
        inputs[name] = keras.Input((), dtype="int32", name=name)
        vectors.append(L.Embedding(count, 32)(inputs[name]))
        biases.append(L.Embedding(count, 1)(inputs[name]))
    model = keras.Model(inputs, L.Dense(1)(L.Concatenate()([L.Dot(1)(vectors), *biases])))
    x, x_test = ({name: part[name].to_numpy("int32") for name in inputs} for part in made)
    return answers(fit(model, x, made[0].rating.to_numpy("float32"), "mse", epochs=15, batch=64), x_test)


# --- autoencoders


def autoencoder_by_hand(made: Any) -> dict[str, np.ndarray]:
    x, x_test = standardized(made[0], made[2])
    ends = [keras.Input((64,)), L.Dense(64, "relu"), L.Dense(8), L.Dense(64, "relu"), L.Dense(64)]
    return answers(fit(keras.Sequential(ends), x, x, "mse", epochs=30), x_test)


def by_components(made: Any) -> Scores:
    x, x_test = standardized(made[0], made[2])
    found = PCA(8).fit(x)
    return {"MSE": error(x_test, found.inverse_transform(found.transform(x_test)))}


def reconstructed(made: Any, predicted: np.ndarray) -> Scores:
    return {"MSE": error(standardized(made[0], made[2])[1], predicted)}


class Draw(L.Layer):
    """The code of a VAE."""

    def call(self, mean: Any, log_variance: Any, training: bool = False) -> Any:
        """Draw it, and add beta times the divergence."""
        ops = keras.ops
        divergence = -0.5 * ops.sum(1 + log_variance - mean**2 - ops.exp(log_variance), axis=1)
        self.add_loss(0.003 * ops.mean(divergence))
        noise = keras.random.normal(ops.shape(mean)) if training else 0.0
        return mean + ops.exp(0.5 * log_variance) * noise


def vae_by_hand(made: Any) -> dict[str, np.ndarray]:
    x, x_test = standardized(made[0], made[2])
    given = keras.Input((64,))
    hidden = L.Dense(64, "relu")(given)
    code = Draw()(L.Dense(8)(hidden), L.Dense(8, kernel_initializer="zeros")(hidden))
    return answers(fit(keras.Model(given, L.Dense(64)(L.Dense(64, "relu")(code))), x, x, "mse", epochs=30), x_test)


# --- transfer, and two targets


def make_pictures() -> Any:
    made = data.pictures(rows=400, seed=0)
    x, y = np.asarray(made.x), np.asarray(made.y)
    np.savez("pictures.npz", x_train=x[:300], y_train=y[:300], x_test=x[300:], y_test=y[300:])
    return x[:300], y[:300], x[300:], y[300:]


def transfer_by_hand(made: Any) -> dict[str, np.ndarray]:
    given = keras.Input(made[0].shape[1:])
    backbone = keras.applications.MobileNet((32, 32, 3), alpha=0.25, include_top=False, weights=None, pooling="avg")
    three = L.Concatenate()([given] * 3) if made[0].shape[-1] == 1 else given
    model = keras.Model(given, L.Dense(3, "softmax")(backbone(L.Rescaling(1 / 127.5, -1)(three))))
    return answers(
        fit(model, made[0].astype("float32"), made[1], "sparse_categorical_crossentropy", epochs=20, batch=8), made[2]
    )


def make_homes() -> Any:
    made = data.multitask(rows=3000, seed=0)
    frame = pd.DataFrame(made.x, columns=["area", "age", "distance"]).assign(price=made.y[:, 0].round())
    return write_parts(frame.assign(size=np.where(made.y[:, 1] > 5, "large", "small")), 600)


def homes_by_hand(made: Any) -> dict[str, np.ndarray]:
    x, x_test = standardized(*(part[["area", "age", "distance"]].to_numpy("float32") for part in made))
    mean, deviation = made[0].price.mean(), made[0].price.std(ddof=0)
    given = keras.Input((3,))
    hidden = L.Dense(64, "relu")(given)
    price = L.Rescaling(deviation, mean, name="price")(L.Dense(1)(hidden))
    model = keras.Model(given, {"price": price, "size": L.Dense(1, "sigmoid", name="size")(hidden)})
    y = {"price": made[0].price.to_numpy("float32"), "size": (made[0]["size"] == "small").to_numpy("float32")}
    losses = {"price": "mae", "size": "binary_crossentropy"}
    return answers(fit(model, x, y, losses, epochs=20, weights={"price": 1e-4, "size": 1.0}), x_test)


def two_scores(made: Any, found: dict[str, np.ndarray]) -> Scores:
    return {
        "MAE of price": float(np.abs(found["price"].reshape(-1) - made[1].price).mean()),
        "accuracy of size": accuracy((made[1]["size"] == "small").to_numpy(), found["size"]),
    }


TABLE = "data=csv data.path=train.csv data.test_path=test.csv validation=none"
EXPERIMENTS = {
    "mixed table": Experiment(
        f"{TABLE} data.target=ill epochs=15",
        *(make_mixed, mixed_by_hand, lambda made, found: area(made[1].ill, found[""])),
        best=lambda made: area(made[1].ill, made[2].to_numpy()),
    ),
    "fraud, weighted": Experiment(
        f"{TABLE} data.target=fraud class_weight=balanced epochs=10 batch_size=64",
        *(make_fraud, fraud_by_hand),
        lambda made, found: {"average precision": average_precision_score(made[1].fraud, found[""].reshape(-1))},
        best=lambda made: {"average precision": average_precision_score(made[1].fraud, made[2])},
    ),
    "digits, cnn": Experiment(
        "data=npz data.path=digits.npz model=cnn validation=none epochs=10",
        *(lambda: digits((8, 8, 1)), cnn_by_hand, lambda made, found: {"accuracy": accuracy(made[3], found[""])}),
    ),
    "text": Experiment(
        f"{TABLE} data.target=liked epochs=10",
        *(make_text, text_by_hand, lambda made, found: {"accuracy": accuracy(made[1].liked == "yes", found[""])}),
    ),
    "forecast": Experiment(
        "data=series data.path=load.csv data.target=load data.time=when data.lookback=24 model=gru epochs=15 "
        "validation.split=0 validation.test_split=0.2 monitor=loss",
        *(make_series, series_by_hand, lambda made, found: {"MSE": error(made[1][:, 24], found[""])}),
        best=lambda made: {"MSE": 4.0},
    ),
    "recommender": Experiment(
        f"{TABLE} data.target=rating data.categorical=[person,film] model=two_tower epochs=15 batch_size=64",
        *(make_ratings, ratings_by_hand, lambda made, found: {"MSE": error(made[1].rating.to_numpy(), found[""])}),
        best=lambda made: {"MSE": 0.09},
    ),
    "autoencoder": Experiment(
        "data=npz data.path=digits.npz task=reconstruction model=autoencoder validation=none",
        *(lambda: digits((64,)), autoencoder_by_hand, lambda made, found: reconstructed(made, found[""])),
        best=by_components,
    ),
    "VAE": Experiment(
        "data=npz data.path=digits.npz task=reconstruction model=vae model.latent=8 model.beta=0.003 validation=none",
        *(lambda: digits((64,)), vae_by_hand, lambda made, found: reconstructed(made, found[""])),
    ),
    "transfer": Experiment(
        "data=npz data.path=pictures.npz model=transfer model.backbone=mobilenet model.weights=null model.freeze=false "
        "'model.options={alpha:0.25}' validation=none epochs=20 batch_size=8",
        *(make_pictures, transfer_by_hand, lambda made, found: {"accuracy": accuracy(made[3], found[""])}),
    ),
    "two targets": Experiment(
        f"{TABLE} data.target=[price,size] outputs=[price,size] outputs.price.loss=mae outputs.price.weight=0.0001 epochs=20",
        *(make_homes, homes_by_hand, two_scores),
    ),
}


def by_lmrun(words: str) -> dict[str, np.ndarray]:
    """Run the command; return what its model answers for the test rows, by output."""
    code = answer([word.strip("'") for word in words.split()] + ["plots=[]", "-q", "out=outputs"])
    if code:
        sys.exit(code)
    (predictions,) = Path("outputs").glob("*/*/predictions.npz")
    with np.load(predictions) as arrays:
        return {name.removeprefix("test_pred").lstrip("_"): arrays[name] for name in arrays if name.startswith("test_pred")}


def one(name: str, way: str) -> dict[str, Any]:
    """Return the scores of one way, and its seconds and what is the best; run in a process of its own."""
    experiment = EXPERIMENTS[name]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        made = experiment.make()
        started, used = time.monotonic(), time.process_time()
        if way == "plain":
            keras.utils.set_random_seed(0)
        found = experiment.plain(made) if way == "plain" else by_lmrun(experiment.words)
        seconds = time.monotonic() - started, time.process_time() - used
        os.chdir("/")
    return {"scores": experiment.score(made, found), "seconds": seconds, "best": experiment.best(made)}


def main(names: list[str]) -> None:
    """Print a line for each score of each experiment."""
    times = f"{'plain s':>8} {'cpu s':>8} {'lmrun s':>8} {'cpu s':>8}"
    print(f"{'experiment':<16} {'score':<18} {'plain':>10} {'lmrun':>10} {'best':>10} {times}  command")
    for name in names:
        ways = {}
        for way in ("plain", "lmrun"):
            done = subprocess.run([sys.executable, __file__, way, name], stdout=subprocess.PIPE, text=True, check=True)
            ways[way] = json.loads(done.stdout.splitlines()[-1])
        plain, ours = ways["plain"], ways["lmrun"]
        for score, value in plain["scores"].items():
            figures = f"{value:10.4g} {ours['scores'][score]:10.4g} {plain['best'].get(score, float('nan')):10.4g}"
            seconds = " ".join(f"{number:8.1f}" for number in (*plain["seconds"], *ours["seconds"]))
            print(f"{name:<16} {score:<18} {figures} {seconds}  lmrun {EXPERIMENTS[name].words}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] in (["plain"], ["lmrun"]):
        print(json.dumps(one(sys.argv[2], sys.argv[1])))
    else:
        main(sys.argv[1:] or list(EXPERIMENTS))
