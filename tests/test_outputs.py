"""Several answers of one model: each column of the history is what NumPy says of the saved predictions."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk

WORDS = ["data=multitask", "outputs=[price,rooms]", "epochs=2", "plots=[]", "batch_size=240"]  # 800 rows: a last batch of 80
WEIGHTS = ["outputs.price.weight=0.001", "outputs.rooms.weight=2"]
TWO = """
    import numpy as np
    from lossmetric_cli.data import Dataset

    def two():
        random = np.random.default_rng(0)
        x = random.normal(size=(300, 4)).astype("float32")
        y = np.stack([x[:, 0] > 1, 10 * x[:, 1] + random.normal(size=300)], axis=1).astype("float64")
        return Dataset(x=x, y=y, target_names=("sold", "price"))
"""


def test_the_loss_of_each_output_is_the_mean_over_rows(lmrun):
    run = lmrun(*WORDS, *WEIGHTS, "outputs.price.loss=mae", "outputs.rooms.loss=mse", "validation_batch_size=150")
    arrays, last = run.predictions, run.history.iloc[-1]
    price = np.abs(arrays["val_true_price"] - arrays["val_pred_price"]).mean()
    rooms = ((arrays["val_true_rooms"] - arrays["val_pred_rooms"]) ** 2).mean()
    assert last["val_price_loss"] == pytest.approx(price, rel=1e-5)
    assert last["val_rooms_loss"] == pytest.approx(rooms, rel=1e-5)
    assert last["val_loss"] == pytest.approx(0.001 * price + 2 * rooms, rel=1e-5)


def test_the_training_loss_of_each_output_is_what_its_metric_says_on_ragged_batches(lmrun):
    history = lmrun(*WORDS, "loss=mae", "outputs.price.metrics=[mae]", "outputs.rooms.metrics=[mae]").history
    np.testing.assert_allclose(history["price_loss"], history["price_mae"], rtol=1e-5)
    np.testing.assert_allclose(history["rooms_loss"], history["rooms_mae"], rtol=1e-5)


@pytest.mark.parametrize("penalty", ["model.l2=0", "model.l2=0.01"])
def test_loss_is_the_weighted_sum_of_the_outputs_and_the_penalties_in_every_row(lmrun, penalty):
    history = lmrun(*WORDS, *WEIGHTS, penalty).history
    for part in ("", "val_"):
        outputs = 0.001 * history[f"{part}price_loss"] + 2 * history[f"{part}rooms_loss"]
        np.testing.assert_allclose(outputs + history[f"{part}regularization"], history[f"{part}loss"], rtol=1e-5)
        np.testing.assert_allclose(outputs, history[f"{part}data_loss"], rtol=1e-5)


def test_one_loss_of_two_targets_is_the_mean_of_two_losses(lmrun):
    """Two parameters with one mae, or two maes that weigh a half each: the same loss, and the same training."""
    words = ["data=multitask", "loss=mae", "epochs=2", "plots=[]", "model=linear"]
    together = lmrun(*words).history
    apart = lmrun(*words, "outputs.both.target=[price,rooms]").history
    np.testing.assert_allclose(apart["both_loss"], together["loss"], rtol=1e-5)
    arrays = lmrun(*words, "outputs=[price,rooms]", "outputs.price.weight=0.5", "outputs.rooms.weight=0.5")
    halves = 0.5 * (arrays.history["val_price_loss"] + arrays.history["val_rooms_loss"])
    np.testing.assert_allclose(arrays.history["val_loss"], halves, rtol=1e-5)


def test_a_class_and_a_number_have_heads_losses_and_metrics_of_their_own(lmrun, own_code):
    own_code("my_data", TWO)
    words = ["data=my_data.two", "outputs=[sold,price]", "outputs.sold.metrics=[auc,accuracy]", "outputs.price.loss=huber"]
    run = lmrun(*words, "epochs=2", "plots=[]", "model.standardize=false")
    arrays, scores = run.predictions, run.json("metrics.json")["val"]
    true, predicted = arrays["val_true_sold"], arrays["val_pred_sold"]
    assert scores["sold_loss"] == pytest.approx(sk.log_loss(true, predicted), rel=1e-4)
    assert scores["sold_accuracy"] == pytest.approx(sk.accuracy_score(true, predicted > 0.5))
    error = np.abs(arrays["val_true_price"] - arrays["val_pred_price"])
    huber = np.where(error <= 1, error**2 / 2, error - 0.5).mean()
    assert scores["price_loss"] == pytest.approx(huber, rel=1e-5)
    assert scores["loss"] == pytest.approx(scores["sold_loss"] + scores["price_loss"], rel=1e-5)


def test_the_constant_of_a_sum_is_the_sum_of_the_constants(lmrun):
    baseline = lmrun(*WORDS, *WEIGHTS, "loss=mse").json("metrics.json")["baseline"]["val"]
    assert baseline["loss"] == pytest.approx(0.001 * baseline["price_loss"] + 2 * baseline["rooms_loss"])


def test_class_weights_of_one_of_several_outputs_weigh_its_training_loss(lmrun, own_code):
    own_code("my_data", TWO)
    words = [
        "data=my_data.two",
        "outputs=[sold,price]",
        "epochs=1",
        "plots=[]",
        "optimizer=sgd",
        "lr=1e-30",
        "validation=train",
    ]
    plain = lmrun(*words).history.iloc[0]
    heavy = lmrun(*words, "outputs.sold.class_weight={0:3,1:3}").history.iloc[0]
    assert heavy["sold_loss"] == pytest.approx(3 * plain["sold_loss"], rel=1e-4)
    assert heavy["price_loss"] == pytest.approx(plain["price_loss"], rel=1e-5)
    assert heavy["unweighted_loss"] == pytest.approx(plain["loss"], rel=1e-5)
    assert heavy["val_loss"] == pytest.approx(plain["val_loss"], rel=1e-5)


@pytest.mark.parametrize("name", ["data", "unweighted", "val"])
def test_an_output_whose_loss_would_be_another_column_is_refused(lmrun, name):
    err = lmrun("check", "data=multitask", f"outputs.{name}.target=price", code=2).err
    assert f"outputs.{name}: the history has a column {name}_loss without it" in err


def test_a_metric_of_one_output_is_weighted_there(lmrun, own_code):
    own_code("my_data", TWO)
    words = ["data=my_data.two", "outputs=[sold,price]", "outputs.sold.metrics=[accuracy]", "outputs.price.metrics=[mae]"]
    out = lmrun("check", *words, "weighted_metrics=[accuracy]").out
    assert "sold_weighted_accuracy" in out
    assert "price_weighted" not in out


def test_settings_of_a_loss_without_its_class_are_refused_with_the_node_to_type(lmrun):
    words = ["data=multitask", "outputs=[price,rooms]", "outputs.price.loss=quantile", "outputs.price.loss.tau=0.9"]
    assert "type 'outputs.price.loss={_target_: CLASS, tau: 0.9}'" in lmrun("check", *words, code=2).err


def test_callbacks_watch_the_columns_of_an_output(lmrun):
    run = lmrun(*WORDS, "callbacks=[early_stopping]", "monitor=val_rooms_loss")
    assert run.json("run.json")["monitor"] == {"name": "val_rooms_loss", "direction": "min"}


def test_a_model_that_answers_otherwise_is_refused(lmrun, own_code):
    own_code(
        "my_models",
        """
        import keras
        def other(task):
            inputs = keras.Input(task.input_shape)
            return keras.Model(inputs, {"cost": keras.layers.Dense(1)(inputs), "rooms": keras.layers.Dense(1)(inputs)})
        """,
    )
    assert "it answers with cost, rooms, and the outputs are price, rooms" in lmrun(*WORDS, "model=my_models.other", code=2).err


def test_a_loss_of_an_output_may_be_misspelt(lmrun):
    assert "did you mean 'huber'" in lmrun(*WORDS, "outputs.price.loss=hubber", code=2).err


def test_two_runs_of_several_outputs_are_the_same(lmrun):
    first, second = (lmrun(*WORDS, "model.dropout=0.3").folder for _ in range(2))
    assert (first / "history.csv").read_bytes() == (second / "history.csv").read_bytes()


def test_an_output_may_have_a_sum_of_losses(lmrun):
    node = "outputs.price.loss={_target_: lossmetric_cli.losses.WeightedSum, parts: {mae: 1, huber: 0.5}}"
    run = lmrun(*WORDS, node)
    error = np.abs(run.predictions["val_true_price"] - run.predictions["val_pred_price"])
    huber = np.where(error <= 1, error**2 / 2, error - 0.5)
    assert run.history["val_price_loss"].iloc[-1] == pytest.approx((error + 0.5 * huber).mean(), rel=1e-5)
