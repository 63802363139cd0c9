"""The curves of a run: first the numbers that are drawn, then where the ink goes, then the files."""

import itertools
import os
import subprocess
import sys

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.transforms import Bbox

from lossmetric_cli import store
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.plots import curves, save
from lossmetric_cli.plots.labels import clearest, spread, telling_digits
from lossmetric_cli.plots.numbers import panels
from lossmetric_cli.plots.panel import trace
from lossmetric_cli.plots.style import clean, quiet_style
from lossmetric_cli.plots.ticks import epoch_ticks, plain_numbers
from lossmetric_cli.plots.words import short
from lossmetric_cli.record import Record

AUC = {"auc": {"class": "AUC", "direction": "max"}}
NAN = float("nan")


@pytest.fixture
def record(tmp_path):
    """Return a function that makes a Record of some columns of history.csv, epochs counted from 1."""

    def make(metrics=AUC, *, monitor=None, title="digits · mlp(64)", **columns):
        rows = pd.DataFrame(columns)
        rows.insert(0, "epoch", np.arange(1, len(rows) + 1))
        rows.to_csv(tmp_path / "history.csv", index=False)
        info = {
            "loss": {"name": "categorical_crossentropy"},
            "metrics": metrics,
            "monitor": monitor or {"name": "val_loss"},
            "title": title,
        }
        return Record(tmp_path, info)

    return make


def learning(epochs, metrics=("auc",)):
    """Return the columns of a run as it usually goes, with a little noise that is the same every time."""
    noise = np.random.default_rng(7).normal(size=(epochs, 4))
    time = np.linspace(0, min(30, epochs), epochs)
    columns = {"loss": 2.1 * np.exp(-time / 6) + 0.1, "val_loss": 1.7 * np.exp(-time / 5) + 0.15 + 0.01 * noise[:, 0]}
    for name in metrics:
        columns[name] = 0.999 - 0.3 * np.exp(-time / 4)
        columns[f"val_{name}"] = 0.997 - 0.2 * np.exp(-time / 3) + 0.0005 * noise[:, 1]
    return columns


def line_of(panel, role):
    return next(line for line in panel.lines if line.role == role)


def test_panels_come_as_loss_then_metrics_in_the_order_of_the_run(record):
    metrics = {"precision": {"class": "Precision", "direction": "max"}, **AUC}
    shown = panels(record(metrics, **learning(3, ["auc", "precision"])))
    assert [(panel.title, panel.direction) for panel in shown] == [("loss", "min"), ("precision", "max"), ("auc", "max")]


def test_unknown_columns_are_left_out(record):
    shown = panels(record(**learning(3), data_loss=[1, 1, 1], seconds=[1, 2, 3]))
    assert [line.column for panel in shown for line in panel.lines] == ["loss", "val_loss", "auc", "val_auc"]


def test_loss_after_the_epoch_is_a_line_of_its_own(record):
    [loss, _] = panels(record(**learning(3), train_loss_eval=[2, 1, 0.5]))
    assert [line.role for line in loss.lines] == ["train", "train*", "validation"]


def test_class_weights_draw_the_loss_without_them_and_say_so(record):
    loss = panels(record({}, loss=[5.0, 4.0], unweighted_loss=[2.0, 1.0], val_loss=[2.0, 1.0]))[0]
    assert list(line_of(loss, "unweighted").values) == [2.0, 1.0]
    assert loss.notes == ("train has row weights, unweighted has none",)


def test_penalties_give_the_loss_without_them_a_panel(record):
    columns = {"loss": [3.0], "data_loss": [1.0], "regularization": [2.0], "val_loss": [3.0], "val_data_loss": [1.0]}
    shown = panels(record({}, **columns))
    assert [(panel.title, [line.column for line in panel.lines]) for panel in shown] == [
        ("loss", ["loss", "val_loss"]),
        ("data_loss", ["data_loss", "val_data_loss"]),
    ]


def test_no_penalty_gives_no_panel_of_data_loss(record):
    shown = panels(record({}, loss=[3.0], data_loss=[3.0], regularization=[0.0]))
    assert [panel.title for panel in shown] == ["loss"]


def test_the_loss_of_each_output_has_a_panel_and_their_sum_names_the_weights(record):
    made = record({}, loss=[3.0], price_loss=[10.0], rooms_loss=[2.0], val_price_loss=[11.0])
    for name, weight in (("price", 0.1), ("rooms", 1.0)):
        made.info.setdefault("outputs", {})[name] = {"loss": {"name": "mean_absolute_error", "weight": weight}}
    shown = {panel.title: panel.detail for panel in panels(made)}
    assert shown["loss"] == "0.1 · price_loss + 1 · rooms_loss"
    assert shown["price_loss"] == shown["rooms_loss"] == "mean_absolute_error"


def test_the_name_of_the_constant_and_the_best_value_do_not_cover_each_other(record):
    made = record({}, loss=[0.3, 0.2, 0.1, 0.09], val_loss=[0.2, 0.1, 0.12, 0.08])
    made.write_json("metrics.json", {"baseline": {"val": {"loss": 0.084}}})
    boxes = [box for text, box in words(curves(made)) if text.startswith(("constant", "best"))]
    assert len(boxes) == 2
    assert not boxes[0].overlaps(boxes[1])


def test_metric_that_was_never_logged_has_no_panel(record):
    assert [panel.title for panel in panels(record(loss=[1, 2]))] == ["loss"]


def test_class_is_told_where_the_name_does_not_say_it(record):
    metrics = {"accuracy": {"class": "CategoricalAccuracy", "direction": "max"}, **AUC}
    shown = panels(record(metrics, **learning(2, ["accuracy", "auc"])))
    assert [panel.detail for panel in shown] == ["categorical_crossentropy", "CategoricalAccuracy", ""]


@pytest.mark.parametrize(("rates", "shows"), [([0.1] * 3, False), ([0.1, 0.1 + 1e-15, 0.1], False), ([0.1, 0.1, 0.05], True)])
def test_learning_rate_has_a_panel_only_when_it_changes(record, rates, shows):
    shown = panels(record(loss=[3, 2, 1], learning_rate=rates))
    assert [panel.title for panel in shown] == ["loss", "learning rate"][: 1 + shows]


def test_best_is_the_first_lowest_of_val_loss_and_the_highest_of_a_metric(record):
    shown = panels(record(loss=[3, 2, 1], val_loss=[2, 1.5, 1.5], auc=[0.1, 0.2, 0.3], val_auc=[0.7, 0.9, 0.8]))
    assert [line.best for panel in shown for line in panel.lines] == [None, (2, 1.5), None, (2, 0.9)]


def test_best_is_on_train_without_validation(record):
    [loss] = panels(record({}, loss=[3, 1, 2]))
    assert line_of(loss, "train").best == (2, 1)


def test_best_is_on_train_when_validation_is_nan_throughout(record):
    [loss] = panels(record({}, loss=[3, 1, 2], val_loss=[NAN] * 3))
    assert line_of(loss, "train").best == (2, 1)


def test_metric_without_direction_has_no_best(record):
    [_, metric] = panels(record({"mine": {"class": "Mine", "direction": None}}, loss=[2, 1], mine=[1, 2]))
    assert (metric.direction, metric.lines[0].best) == (None, None)


def test_metric_without_direction_takes_that_of_its_monitor(record):
    mine = {"mine": {"class": "Mine", "direction": None}}
    watching = {"name": "val_mine", "direction": "max"}
    [_, metric] = panels(record(mine, monitor=watching, loss=[2, 1], mine=[1, 2], val_mine=[4, 3]))
    assert line_of(metric, "validation").best == (1, 4)


def test_nan_is_a_gap_and_a_note(record):
    [loss] = panels(record({}, loss=[3, 2, NAN, NAN], val_loss=[3, 2, NAN, NAN]))
    assert np.isnan(loss.lines[0].values).tolist() == [False, False, True, True]
    assert loss.notes == ("loss and val_loss are NaN from epoch 3",)


@pytest.mark.parametrize(
    ("values", "note"),
    [
        ([3, float("inf"), 1], "loss is infinite at epoch 2"),
        ([3, 1e308, 1], "loss is beyond ±1e100 at epoch 2"),
        ([NAN, 3, float("-inf"), 1], "loss is NaN or infinite in 2 epochs, the first is 1"),
        ([NAN, NAN], "loss is NaN in every epoch"),
    ],
)
def test_note_names_what_failed_and_when(record, values, note):
    assert panels(record({}, loss=values))[0].notes == (note,)


def test_epochs_skipped_by_validation_freq_are_joined_without_a_note(record):
    skipped = [NAN, 2, NAN, 1.5, NAN, 1.2, NAN]
    [loss] = panels(record({}, loss=[7, 6, 5, 4, 3, 2, 1], val_loss=skipped))
    assert (line_of(loss, "validation").epochs.tolist(), loss.notes) == ([2, 4, 6], ())


def test_validation_that_stops_is_noted_though_epochs_are_skipped(record):
    [loss] = panels(record({}, loss=[7, 6, 5, 4, 3, 2, 1], val_loss=[NAN, 2, NAN, 1.5, NAN, NAN, NAN]))
    assert loss.notes == ("val_loss is without a value after epoch 4",)


def test_first_epoch_spike_lies_outside_the_panel_and_is_noted(record):
    [loss] = panels(record({}, loss=[1e6, 0.5, 0.4, 0.35, 0.3]))
    assert (loss.limits, loss.scale) == ((0.3, 0.5), "linear")
    assert loss.notes == ("outside the panel: loss 1e6 at epoch 1",)


def test_spike_below_lies_outside_too(record):
    metrics = {"r2_score": {"class": "R2Score", "direction": "max"}}
    [_, score] = panels(record(metrics, loss=[2, 1, 1, 1], r2_score=[-300, 0.5, 0.6, 0.7]))
    assert score.limits == (0.5, 0.7)


def test_usual_learning_curve_is_shown_whole_and_linear(record):
    shown = panels(record(**learning(30)))
    assert [(panel.scale, panel.notes) for panel in shown] == [("linear", ())] * 2
    assert shown[0].limits[1] == pytest.approx(2.2)


def test_line_that_never_moved_before_has_no_outlier(record):
    metrics = {"accuracy": {"class": "Accuracy", "direction": "max"}}
    [_, accuracy] = panels(record(metrics, loss=[2, 2, 2, 1], accuracy=[0.1, 0.1, 0.1, 0.5]))
    assert (accuracy.limits, accuracy.notes) == ((0.1, 0.5), ())


def test_loss_that_falls_by_decades_is_on_a_log_scale_and_says_so(record):
    [loss] = panels(record({}, loss=500 * np.exp(-np.arange(100) / 8) + 0.3))
    assert (loss.scale, loss.notes) == ("log", ("log scale",))


def test_negative_loss_stays_linear_though_log_was_asked(record):
    [loss] = panels(record({}, loss=[-0.1, -0.5, -0.9]), loss_scale="log")
    assert (loss.scale, loss.notes) == ("linear", ("linear scale, because not every value is positive",))


def test_short_line_is_drawn_value_for_value(record):
    [loss] = panels(record({}, loss=np.arange(600.0)))
    assert trace(loss.lines[0]).middle.tolist() == list(range(600))


def test_thinning_keeps_the_extremes_and_both_ends(record):
    values = np.random.default_rng(0).normal(size=100_000)
    values[70_001], values[33] = 9.0, -9.0
    [loss] = panels(record({}, loss=values))
    thin = trace(loss.lines[0])
    assert len(thin.epochs) <= 300
    assert (thin.low.min(), thin.high.max()) == (-9.0, 9.0)
    assert (thin.epochs[0], thin.epochs[-1]) == (1, 100_000)


def test_thinning_is_said_once(record):
    notes = [panel.notes for panel in panels(record(**learning(10_000)))]
    assert notes == [("line: median of 34 epochs; band: lowest to highest",), ()]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.9985, 0.999, 0.9995], ["0.9985", "0.9990", "0.9995"]),
        ([0, 2.5e-4, 5e-4], ["0", "2.5e\N{MINUS SIGN}4", "5e\N{MINUS SIGN}4"]),
        ([-1, -0.5, 0], ["\N{MINUS SIGN}1.0", "\N{MINUS SIGN}0.5", "0.0"]),
        ([50_000, 100_000], ["50,000", "100,000"]),
        ([1e6, 2e6], ["1e6", "2e6"]),
    ],
)
def test_ticks_need_no_offset(values, texts):
    assert plain_numbers(values) == texts


@pytest.mark.parametrize(
    ("value", "text"), [(0.08712, "0.08712"), (0.1, "0.1"), (12.3456, "12.35"), (106412.4, "106,412"), (1e6, "1e6")]
)
def test_numbers_are_short(value, text):
    assert short(value) == text


def test_value_just_below_one_does_not_read_one():
    assert short(0.99996, digits=telling_digits(0.99996, (0.5, 0.99996))) == "0.99996"


def test_epoch_ticks_are_whole_and_begin_with_the_first():
    assert epoch_ticks(1, 1, count=5) == [1]
    assert epoch_ticks(1, 5, count=5) == [1, 2, 3, 4, 5]
    assert epoch_ticks(1, 30, count=5) == [1, 10, 20, 30]


def test_text_is_cleaned_and_cut():
    assert clean("a\x1b[31m\nb\u202e$_") == "a [31m b $_"
    assert len(clean("x" * 10_000)) == 60


def test_labels_are_spread_in_order_and_stay_within_the_axes():
    placed = spread(np.array([99.0, 98.0, 10.0]), gap=11, low=0, high=100)
    assert placed.tolist() == [100, 89, 10]


def test_best_is_written_where_no_line_runs():
    ink = np.stack([np.arange(200.0), np.full(200, 50.0)], axis=1)
    x, y = clearest(np.array([190.0, 50.0]), half=np.array([30.0, 5.0]), frame=Bbox([[0, 0], [200, 100]]), ink=ink)
    assert x <= 170
    assert 5 < abs(y - 50) < 20


HISTORIES = {
    "1 epoch": lambda: learning(1),
    "2 epochs": lambda: learning(2),
    "30 epochs": lambda: learning(30),
    "10,000 epochs": lambda: learning(10_000),
    "equal lines": lambda: {name: np.ones(9) for name in ("loss", "val_loss", "auc", "val_auc", "train_loss_eval")},
    "NaN": lambda: {**learning(30), "val_loss": [1.0] * 5 + [NAN] * 25, "loss": [NAN] * 30},
    "spike": lambda: {**learning(30), "loss": [1e6, *np.linspace(1, 0.1, 29)]},
    "huge": lambda: {**learning(3), "loss": [1e308, -1e308, 1e99], "val_loss": [1e-320, 1e99, 1e-320]},
    "schedule": lambda: {**learning(30), "learning_rate": 0.1 ** np.arange(30)},
    "ceiling": lambda: {**learning(4), "auc": [0.99991, 0.99993, 0.99997, 0.99999]},
}


def words(figure):
    """Return the texts of a figure with their extents in pixels."""
    with quiet_style():
        figure.draw_without_rendering()
        texts = [*figure.texts]
        for axes in figure.axes:
            texts += [*axes.texts, axes.xaxis.label, *shown_ticks(axes.xaxis), *shown_ticks(axes.yaxis)]
        return [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text()]


def shown_ticks(axis):
    low, high = axis.get_view_interval()
    return [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]


@pytest.mark.parametrize("width", [4.0, 7.5])
@pytest.mark.parametrize("history", HISTORIES)
def test_words_neither_touch_nor_leave_the_figure(record, history, width):
    figure = curves(record(**HISTORIES[history]()), width=width)
    found = words(figure)
    for text, box in found:
        assert figure.bbox.contains(*box.min), text
        assert figure.bbox.contains(*box.max), text
    for (one, box), (other, second) in itertools.combinations(found, 2):
        assert not box.padded(-1).overlaps(second.padded(-1)), (one, other)


@pytest.mark.parametrize("name", ["$\\frac{$_", "<script>alert(1)</script>", "精度\x1b[31m", "_hidden", "x" * 10_000])
def test_any_name_can_be_drawn(record, name):
    figure = curves(record({name: {"class": name, "direction": "max"}}, title=name, **learning(3, [name])))
    found = words(figure)
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 for _, box in found)
    assert any(text.startswith(clean(name)[:20]) and text.endswith("↑") for text, _ in found)


@pytest.mark.parametrize("options", [{"width": 0.5}, {"row_height": 0}, {"dpi": 10**6}, {"loss_scale": "logarithmic"}])
def test_impossible_option_is_refused_by_name(record, options):
    with pytest.raises(ConfigError, match=f"plots.curves.{next(iter(options))}"):
        curves(record(**learning(2)), **options)


def test_run_without_an_epoch_gives_a_picture_that_says_so(record):
    assert "no loss or metric was recorded" in words(curves(record()))[0][0]


def test_drawing_leaves_matplotlib_as_it_was(record, tmp_path):
    before = dict(matplotlib.rcParams)
    save(curves(record(**learning(2))), tmp_path, "curves", write=store.write)
    assert dict(matplotlib.rcParams) == before


def test_plots_never_load_pyplot_or_keras():
    code = "import sys, lossmetric_cli.plots.ink; print({'matplotlib.pyplot', 'keras', 'hydra'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_files_are_the_same_bytes_twice(record, tmp_path):
    first, second = ({path.suffix: path.read_bytes() for path in save_curves(record, tmp_path / name)} for name in "ab")
    assert first.keys() == {".png", ".svg"}
    assert first == second


def save_curves(record, folder):
    return save(curves(record(**learning(30))), folder, "curves", write=store.write)


def test_files_name_neither_date_nor_version(record, tmp_path):
    for path in save(curves(record(**learning(2))), tmp_path, "curves", write=store.write, formats=["png", "svg", "pdf"]):
        content = path.read_bytes()
        assert not any(word in content for word in (b"Software", b"dc:date", b"CreationDate", matplotlib.__version__.encode()))


def test_svg_of_a_long_run_is_small(record, tmp_path):
    names = ["auc", "precision", "recall"]
    metrics = {name: {"class": name, "direction": "max"} for name in names}
    noise = np.random.default_rng(0).random((10_000, 8))
    columns = {name: noise[:, i] for i, name in enumerate(learning(1, names))}
    [path] = save(curves(record(metrics, **columns)), tmp_path, "curves", write=store.write, formats=["svg"])
    assert path.stat().st_size < 500_000


@pytest.mark.parametrize("first", ["lossmetric_cli.plots", "lossmetric_cli.devices as devices; devices.load_tensorflow()"])
def test_a_backend_that_the_shell_names_is_not_asked(first: str):
    code = f"import {first}; import matplotlib; print(matplotlib.get_backend())"
    shell = {**os.environ, "MPLBACKEND": "nonsense"}
    done = subprocess.run([sys.executable, "-c", code], env=shell, capture_output=True, text=True, check=False)
    assert done.stdout.strip().lower() == "agg", done.stderr
