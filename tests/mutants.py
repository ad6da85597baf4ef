"""A module with a mistake in its source: what proofs must find."""

import types
from pathlib import Path


def mutated(module: types.ModuleType, right: str, wrong: str) -> types.ModuleType:
    """The module anew, with `wrong` in the one place where its source has `right`."""
    source = Path(module.__file__).read_text(encoding="utf-8")
    assert source.count(right) == 1
    mutant = types.ModuleType("mutant")
    exec(source.replace(right, wrong), mutant.__dict__)
    return mutant
