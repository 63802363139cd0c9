"""Durable writes: every byte that lmrun keeps goes through here."""

from lossmetric_cli.store.files import append, cut, remove, scratch, sync, through, whole_lines, write
from lossmetric_cli.store.folders import (
    ensure_folder,
    hand_over,
    make_folder,
    make_numbered,
    point,
    refuse_way_out,
    remove_folder,
    staging,
)
from lossmetric_cli.store.locks import Owner, lock

__all__ = [
    "Owner",
    "append",
    "cut",
    "ensure_folder",
    "hand_over",
    "lock",
    "make_folder",
    "make_numbered",
    "point",
    "refuse_way_out",
    "remove",
    "remove_folder",
    "scratch",
    "staging",
    "sync",
    "through",
    "whole_lines",
    "write",
]
