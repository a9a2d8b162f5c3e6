"""Faults while writing, the short form of `tests/faulty/run.py`: the target is absent, its old self, or complete."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_no_fault_leaves_half_a_file():
    program = Path(__file__).parent / "faulty" / "run.py"
    command = [sys.executable, str(program), "--kills", "5", "--quick", "--seconds", "6"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 rules broken" in done.stdout
    assert "kill -9 while it decodes" in done.stdout
    assert "--resume after kill -9 while it decodes" in done.stdout
