"""Models that train themselves: a train_step of one's own, or a layer that holds the loss."""

from __future__ import annotations

import keras
import numpy as np
import pandas as pd
import pytest

STEPS = '''
import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops


class Gan(keras.Model):
    """A critic, trained by the run's optimizer, against a generator with an optimizer of its own; it has no call."""

    def __init__(self):
        super().__init__()
        self.generator = keras.Sequential([keras.Input((4,)), layers.Dense(8, "relu"), layers.Dense(2)])
        self.critic = keras.Sequential([keras.Input((2,)), layers.Dense(8, "relu"), layers.Dense(1)])
        self.seeds = keras.random.SeedGenerator(1)
        self.second = keras.optimizers.SGD(0.1)
        self.means = [keras.metrics.Mean(name="d_loss"), keras.metrics.Mean(name="g_loss")]

    def both(self, real):
        fake = self.generator(keras.random.normal((ops.shape(real)[0], 4), seed=self.seeds))
        on_real, on_fake = self.critic(real), self.critic(fake)
        return ops.mean(ops.softplus(-on_real) + ops.softplus(on_fake)), ops.mean(ops.softplus(-on_fake))

    def told(self, values):
        for mean, value in zip(self.means, values):
            mean.update_state(value)
        return {mean.name: mean.result() for mean in self.means}

    def train_step(self, data):
        with tf.GradientTape(persistent=True) as tape:
            values = self.both(data[0])
        for value, part, optimizer in zip(values, (self.critic, self.generator), (self.optimizer, self.second)):
            weights = part.trainable_variables
            optimizer.apply_gradients(zip(tape.gradient(value, weights), weights))
        return self.told(values)

    def test_step(self, data):
        return self.told(self.both(data[0]))


class Bare(keras.Model):
    """It returns the loss of a batch, and feeds no tracker."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1, kernel_initializer="ones")

    def call(self, x):
        return self.dense(x)

    def cost(self, data):
        return ops.mean(ops.square(self(data[0]) - data[1]))

    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = self.cost(data)
        self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables))
        return {"loss": loss, "worst": ops.max(ops.abs(self(data[0]) - data[1]))}

    def test_step(self, data):
        return {"loss": self.cost(data)}


class OneSided(Bare):
    test_step = keras.Model.test_step


class Vector(Bare):
    def train_step(self, data):
        return {"loss": ops.square(data[1])[:, 0]}


class Broken(Bare):
    def train_step(self, data):
        return {"loss": self.nothing(data)}


def gan():
    return Gan()

def bare():
    return Bare()

def one_sided():
    return OneSided()

def vector():
    return Vector()

def broken():
    return Broken()


class Endpoint(layers.Layer):
    """It takes the targets as an input, adds the loss, and tracks the share of right rows."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.right = keras.metrics.Mean(name="right")

    def call(self, logits, targets):
        self.add_loss(ops.mean(keras.losses.sparse_categorical_crossentropy(targets, logits, from_logits=True)))
        self.right.update_state(ops.cast(ops.equal(ops.argmax(logits, -1), targets), "float32"))
        return ops.softmax(logits)


def rows():
    random = np.random.default_rng(0)
    y = random.integers(0, 3, 200)
    return {"x": (random.normal(size=(200, 4)) + y[:, None]).astype("float32"), "targets": y}, y


def net():
    x, targets = keras.Input((4,), name="x"), keras.Input((), dtype="int32", name="targets")
    logits = layers.Dense(3, name="logits")(x)
    return keras.Model({"x": x, "targets": targets}, Endpoint(name="endpoint")(logits, targets))
'''
GAN = ("data=blobs", "data.rows=100", "loss=none", "model=mine.gan", "epochs=2")
BARE = ("data=linear", "data.rows=100", "loss=none", "plots=[]", "epochs=2")


@pytest.fixture
def own(own_code):
    own_code("mine", STEPS)


def columns(history: pd.DataFrame) -> list[str]:
    return [name for name in history if name not in ("epoch", "learning_rate")]


# --- two networks against each other


@pytest.mark.usefixtures("own")
def test_history_of_a_gan_is_what_its_steps_return(lmrun):
    done = lmrun(*GAN, "monitor=val_g_loss", "mode=min")
    assert columns(done.history) == [
        *("d_loss", "g_loss", "val_d_loss", "val_g_loss", "train_d_loss_eval", "train_g_loss_eval"),
    ]
    assert np.isfinite(done.history.to_numpy()).all()
    assert done.json("run.json")["monitor"] == {"name": "val_g_loss", "direction": "min"}
    assert set(done.json("metrics.json")["val"]) == {"d_loss", "g_loss"}
    assert done.json("metrics.json")["best"]["val_g_loss"]["value"] == done.history["val_g_loss"].min()
    assert "it gives no single answer, so that there are no predictions" in done.err
    assert "metrics.accuracy: the model's own steps return no such name" in done.err
    assert {"curves.png", "curves.svg"} <= {file.name for file in (done.folder / "plots").iterdir()}
    told = " ".join(lmrun("explain", str(done.folder)).out.split())
    assert "It did what the model's own train_step does, which logs d_loss and g_loss." in told
    assert "the model has a train_step of its own" in lmrun("explain", "gap", str(done.folder), code=2).err


@pytest.mark.usefixtures("own")
def test_gan_that_is_watched_by_a_loss_that_it_does_not_return_is_refused(lmrun):
    told = lmrun(*GAN, code=2).err
    assert "monitor watches 'val_loss', which this run does not log; did you mean 'val_d_loss' or 'val_g_loss'?" in told


@pytest.mark.usefixtures("own")
def test_way_of_a_loss_of_ones_own_must_be_told(lmrun):
    told = lmrun(*GAN, "monitor=val_g_loss", code=2).err
    assert "monitor watches 'val_g_loss', and whether more of it is better is not known; type mode=max or min" in told


@pytest.mark.usefixtures("own")
def test_jobs_of_a_sweep_are_compared_by_what_a_step_returns(lmrun):
    done = lmrun("-m", *GAN[:-1], "epochs=1", "plots=[]", "seed=0,1", "monitor=val_d_loss", "mode=min")
    results = pd.read_csv(next(done.folder.glob("results.csv")) if done.folder.is_dir() else done.folder)
    assert list(results["status"]) == ["finished", "finished"]
    assert results["best"].is_monotonic_increasing


# --- values of a batch


@pytest.mark.usefixtures("own")
def test_loss_that_no_tracker_keeps_is_the_mean_over_rows(lmrun):
    done = lmrun(*BARE, "model=mine.bare", "validation_batch_size=7", "optimizer=sgd", "lr=1e-9", "batch_size=30")
    assert "loss, worst: the model's own steps return the value of a batch; here it is the mean over all rows" in done.err
    predictions, last = done.predictions, done.history.iloc[-1]
    wanted = np.mean((predictions["val_pred"] - predictions["val_true"]) ** 2)
    assert last["val_loss"] == pytest.approx(wanted, rel=1e-4)
    assert last["loss"] == pytest.approx(last["train_loss_eval"], rel=1e-4)
    assert last["worst"] > last["loss"] ** 0.5
    assert (done.folder / "model.keras").exists() or "model.keras was not written" in done.err


def test_keras_logs_nought_for_a_loss_that_no_tracker_keeps(own_code):
    """The fault behind the mean: Keras 3.15 reads its own tracker where the names of a log are those of the metrics."""
    own_code("mine", STEPS)
    import mine

    class Alone(mine.Bare):
        def train_step(self, data):
            return {"loss": super().train_step(data)["loss"]}

    model = Alone()
    model.compile("sgd")
    assert model.fit(np.ones((8, 2)), np.zeros((8, 1)), verbose=0).history["loss"] == [0.0]


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("one_sided", "write a test_step, or type validation=none train_eval=0"),
        ("vector", "its train_step must return a dict of one number a name, such as {'loss': loss}"),
        ("broken", "its train_step fails inside a graph: AttributeError: 'Broken' object has no attribute 'nothing'"),
    ],
)
def test_step_that_cannot_work_is_refused_before_training(lmrun, model: str, told: str):
    assert told in lmrun(*BARE, f"model=mine.{model}", code=2).err


@pytest.mark.usefixtures("own")
def test_model_without_a_way_to_evaluate_trains_alone(lmrun):
    done = lmrun(*BARE, "model=mine.one_sided", "validation=none", "train_eval=0")
    assert columns(done.history) == ["loss", "worst"]
    assert done.history["loss"].iloc[-1] < done.history["loss"].iloc[0]
    assert "baseline" in done.json("metrics.json")


# --- a layer that holds the loss


@pytest.mark.usefixtures("own")
def test_layer_with_the_targets_for_an_input_trains_by_its_own_loss(lmrun):
    words = ("data=mine.rows", "loss=none", "model=mine.net", "epochs=3", "plots=[]", "monitor=val_right", "mode=max")
    done = lmrun(*words, "validation_batch_size=7", "optimizer=sgd", "lr=0.1")
    predictions, last = done.predictions, done.history.iloc[-1]
    truth, shares = predictions["val_true"], predictions["val_pred"].astype("float64")
    assert last["val_loss"] == pytest.approx(-np.log(shares[np.arange(len(truth)), truth]).mean(), abs=1e-5)
    assert last["val_accuracy"] == pytest.approx(np.mean(shares.argmax(axis=1) == truth), abs=1e-6)
    assert {"right", "val_right"} <= set(done.history)
    assert done.history["loss"].is_monotonic_decreasing
    assert done.json("metrics.json")["val"]["loss"] == pytest.approx(last["val_loss"], abs=1e-6)
    assert "optimises   what the model's layers add to the loss" in done.err


@pytest.mark.usefixtures("own")
def test_first_epoch_of_that_layer_is_the_loss_that_numpy_counts(lmrun):
    done = lmrun(
        *("data=mine.rows", "loss=none", "model=mine.net", "epochs=1", "plots=[]", "validation=train", "optimizer=sgd"),
        *("lr=1e-12", "batch_size=64", "metrics=[]"),
    )
    import mine

    x, y = mine.rows()
    model = keras.models.load_model(
        done.folder / "model.keras", compile=False, custom_objects={"Endpoint": mine.Endpoint}, safe_mode=False
    )
    kernel, bias = model.get_layer("logits").get_weights()
    z = x["x"].astype("float64") @ kernel + bias
    wanted = np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y])
    assert done.history["loss"][0] == pytest.approx(wanted, abs=1e-5)
    assert done.history["train_loss_eval"][0] == pytest.approx(wanted, abs=1e-5)
