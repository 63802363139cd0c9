"""The backend of matplotlib, which reads the variable as it is imported: a picture is a file, whatever screen a shell has."""

from __future__ import annotations

import os

os.environ["MPLBACKEND"] = "Agg"  # a name that matplotlib does not know, of a shell in a notebook, would end the import
