"""`python -m lossmetric_cli` is `lmrun`."""

import sys

if not sys.flags.safe_path:
    del sys.path[0]  # the working folder, where a random.py or keras.py would stand before the real one

from lossmetric_cli.cli import main

main()
