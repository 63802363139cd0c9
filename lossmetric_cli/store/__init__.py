"""Durable writes: every byte that lmrun keeps goes through here."""

from lossmetric_cli.store.files import append, cut, remove, scratch, through, whole_lines, write
from lossmetric_cli.store.folders import ensure_folder, make_folder, point, remove_folder
from lossmetric_cli.store.locks import Owner, lock

__all__ = [
    "Owner",
    "append",
    "cut",
    "ensure_folder",
    "lock",
    "make_folder",
    "point",
    "remove",
    "remove_folder",
    "scratch",
    "through",
    "whole_lines",
    "write",
]
