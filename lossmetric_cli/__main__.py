"""`python -m lossmetric_cli` is `lmrun`."""

from lossmetric_cli.cli import main

main()
