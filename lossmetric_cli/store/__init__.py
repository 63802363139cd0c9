"""Durable writes: every byte that lmrun keeps goes through here."""

from lossmetric_cli.store.files import append, cut, remove, scratch, through, write
from lossmetric_cli.store.folders import make_folder, make_numbered, point, remove_folder, settle, staging
from lossmetric_cli.store.locks import Owner, lock

__all__ = [
    "Owner",
    "append",
    "cut",
    "lock",
    "make_folder",
    "make_numbered",
    "point",
    "remove",
    "remove_folder",
    "scratch",
    "settle",
    "staging",
    "through",
    "write",
]
