"""What a person writes by hand for the job of `lmrun loss=categorical_crossentropy 'metrics=[auc]'`: Hydra, Keras, Matplotlib.

python tests/benchmarks/plain_keras.py hydra.run.dir=FOLDER
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import hydra
import keras
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from sklearn.datasets import load_digits

ConfigStore.instance().store("plain", {"seed": 0, "learning_rate": 0.001, "epochs": 30})


@hydra.main(version_base="1.3", config_path=None, config_name="plain")
def main(config):
    """Train, keep the history, draw a picture a metric, and return the best validation loss."""
    keras.utils.set_random_seed(config.seed)
    x, y = load_digits(return_X_y=True)
    x, y = (x / 16).astype("float32"), keras.utils.to_categorical(y)
    model = keras.Sequential([keras.layers.Input((64,)), keras.layers.Dense(64, "relu"), keras.layers.Dense(10, "softmax")])
    model.compile(
        keras.optimizers.Adam(config.learning_rate), "categorical_crossentropy", metrics=[keras.metrics.AUC(name="auc")]
    )
    history = model.fit(x, y, batch_size=32, epochs=config.epochs, validation_split=0.2, verbose=0)
    folder = HydraConfig.get().runtime.output_dir
    frame = pd.DataFrame(history.history)
    frame.to_csv(f"{folder}/history.csv")
    for name in ("loss", "auc"):
        figure, axes = plt.subplots()
        axes.plot(frame[name], label="train")
        axes.plot(frame[f"val_{name}"], label="validation")
        axes.legend()
        figure.savefig(f"{folder}/{name}.png")
        plt.close(figure)
    return float(frame["val_loss"].min())


if __name__ == "__main__":
    main()
