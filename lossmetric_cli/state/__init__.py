"""What a killed run needs to end with the same bytes: its state on the disk, and how that becomes the run again."""

from lossmetric_cli.state.keeper import Keeper
from lossmetric_cli.state.past import Past
from lossmetric_cli.state.snapshot import Snapshot

__all__ = ["Keeper", "Past", "Snapshot"]
