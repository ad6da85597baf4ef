"""The layout: lessons are under contract, what reads runs needs nothing that makes them, tests mirror it."""

import ast
import re
import subprocess
import sys
import tomllib

import pytest

from helpers import ROOT
from helpers.course import run_lessons
from helpers.lessons import STUDIES

HELPERS, TESTS = ROOT / "helpers", ROOT / "tests"
PACKAGES = {path.parent.relative_to(HELPERS) for path in HELPERS.rglob("__init__.py")}
TOPICS = {path.name for path in (HELPERS / "lessons").iterdir() if (path / "__init__.py").exists()}


def test_every_folder_of_a_lesson_is_a_notebook_and_under_contract():
    lessons = run_lessons.lessons()
    assert {study.lesson for study in STUDIES.values()} <= {*lessons}
    assert {re.sub(r"^\d\d_", "", lesson) for lesson in lessons} == TOPICS
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (independent,) = [contract["modules"] for contract in contracts if contract["type"] == "independence"]
    assert sorted(independent) == sorted(f"helpers.lessons.{topic}" for topic in TOPICS)
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    below = {name.strip() for layer in layers for name in layer.split("|")}
    floors = {f"helpers.{path}" for path in PACKAGES if len(path.parts) == 1}
    assert floors <= below


@pytest.mark.parametrize("package", sorted(PACKAGES), ids=str)
def test_a_package_says_what_it_holds_and_imports_nothing(package):
    tree = ast.parse((HELPERS / package / "__init__.py").read_text("utf-8"))
    assert ast.get_docstring(tree)
    if package.parts not in (
        (),
        ("lessons",),
    ):  # which hold the version, and all studies, claims and exercises
        assert len(tree.body) == 1


def test_no_folder_of_helpers_holds_more_than_ten_modules():
    assert all(len([*(HELPERS / package).glob("*.py")]) <= 10 for package in PACKAGES)


def test_what_reads_runs_imports_nothing_that_makes_them():
    readers = [
        ".".join(("helpers", *path.relative_to(HELPERS).with_suffix("").parts))
        for room in ("analysis", "figures")
        for path in sorted((HELPERS / room).glob("*.py"))
    ]
    assert "helpers.analysis.comparison" in readers
    code = (
        f"import importlib, sys; [importlib.import_module(name) for name in {readers}];"
        "makers = ('training', 'nn', 'images', 'text', 'studies');"
        "made = ('torchvision', *(f'helpers.{maker}' for maker in makers));"
        "print([name for name in sys.modules if name.startswith(made)])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


A_SIXTH = """
from torch import nn
from helpers.nn import layers
from helpers.images import scaling
from helpers.figures import style
if {more}:
    layers.IMAGE_NORMS["sixth"] = layers.IMAGE_NORMS["batch"]
    layers.NORMS = (*layers.NORMS, "sixth")
    scaling.SCALINGS = (*scaling.SCALINGS, "sixth")
    style.PALETTE["sixth"], style.MARKS["sixth"], style.LINES["sixth"] = "#123456", "v", "-"
    assert isinstance(layers.norm_layer("sixth", 4), nn.BatchNorm2d)
style.use()
from helpers.lessons import STUDIES
from helpers.studies import records
print([records.key(study.config(arm), 0) for study in STUDIES.values() for arm in study.arms])
"""


def test_a_sixth_norm_scaling_or_colour_adds_no_arm_to_a_study():
    keys = []
    for more in (False, True):
        command = [sys.executable, "-c", A_SIXTH.format(more=more)]
        keys.append(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert keys[0] == keys[1]
    assert len(keys[0]) > 1000


def test_tests_of_a_package_stand_in_the_folder_of_its_name():
    own = {"benchmarks", "fixtures", "notebooks", "project", "tools"}
    folders = {
        path.relative_to(TESTS) for path in TESTS.rglob("*") if path.is_dir() and any(path.glob("test_*.py"))
    }
    assert {folder for folder in folders if folder.parts[0] not in own} <= PACKAGES
