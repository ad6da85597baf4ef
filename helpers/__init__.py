"""Shared code of the course: data, layers, training, records and figures that the lessons import."""

from pathlib import Path

__version__ = "0.1.0"

ROOT = Path(__file__).resolve().parent.parent
