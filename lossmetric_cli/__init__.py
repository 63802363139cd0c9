"""lmrun: a command-line experiment runner for Keras 3 that is literate in losses and metrics."""
