"""Record: what happened, the run folder, written as it happens and read back."""

from lossmetric_cli.record.comparison import differences
from lossmetric_cli.record.plain import safe_name
from lossmetric_cli.record.reading import is_sweep, reading
from lossmetric_cli.record.run import LARGEST_PREDICTIONS, OWN_FILES, Record

__all__ = ["LARGEST_PREDICTIONS", "OWN_FILES", "Record", "differences", "is_sweep", "reading", "safe_name"]
