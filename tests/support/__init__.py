"""What tests of several rooms share."""

from pathlib import Path

TESTS = Path(__file__).parent.parent
ROOT = TESTS.parent
MODELS = TESTS / "models"
