"""A small storm; `python -m tests.kill_storm` is the large one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_ten_kills_damage_no_file_and_change_no_byte():
    command = [sys.executable, "-m", "tests.kill_storm", "--kills", "10"]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False, timeout=600)
    assert not done.returncode, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("10 kills, ")
    assert done.stdout.endswith(" runs: 0 files damaged or different\n")
