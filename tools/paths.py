"""Where things are, seen from the project's root."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "template.yaml"
LOCAL = ROOT / ".local"
"""Everything that running, testing or building leaves behind; ignored by git."""
