"""The backend of matplotlib, which reads the variable as it is imported: a picture is a file, whatever screen a shell has."""

from __future__ import annotations

import os

os.environ["MPLBACKEND"] = "Agg"  # by another name, that matplotlib does not know, the import would fail
