"""What a killed run needs to end with the same bytes: its state on the disk, and how that becomes the run again.

`archive` and `past` know files alone, the rest Keras.
"""
