"""Golden curves: a refactor changes no figure. `pytest tests/test_golden.py --update-golden` rewrites them, on purpose.

Compared to 1e-4: the last bits belong to the processor that trained (seen: AVX2 and AVX-512 differ), and on one machine
test_runner.py compares bytes.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

GOLDEN = Path(__file__).parent / "golden"
RUNS = {
    "digits_mlp": ["metrics=auc+accuracy", "loss=categorical_crossentropy"],
    "digits_cnn": ["model=cnn", "model.filters=[4]", "model.dropout=0.2", "optimizer=sgd", "lr=0.1"],
    "diabetes_mlp": ["data=diabetes", "loss=huber", "metrics=mae+r2", "optimizer/learning_rate=cosine_decay"],
    "multilabel_linear": ["data=multilabel", "model=linear", "model.l2=0.01", "metrics=f1+auc", "lr=0.05"],
}


@pytest.mark.parametrize("name", RUNS)
def test_the_curve_is_the_golden_one(lmrun, request, name):
    run = lmrun(*RUNS[name], "epochs=4", "plots=[]", "threads=2")
    file = GOLDEN / f"{name}.csv"
    if request.config.getoption("--update-golden"):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes((run.folder / "history.csv").read_bytes())
    pd.testing.assert_frame_equal(run.history, pd.read_csv(file), check_exact=False, rtol=1e-4, atol=1e-6)
