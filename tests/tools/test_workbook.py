"""data/normalizations.xlsx: as its script writes it, its values torch's, its formulas worth what they say."""

import math
import shutil
import subprocess
from pathlib import Path

import openpyxl
import pytest
import torch
from openpyxl.workbook import Workbook
from torch import Tensor
from torch.nn import functional as F

from helpers.analysis.published import worked_example
from tests.tools import workbook

OFFICE = shutil.which("soffice") or shutil.which("libreoffice")
needs_office = pytest.mark.skipif(OFFICE is None, reason="no LibreOffice here to recalculate the formulas")


def values(book: Workbook, name: str, *shape: int) -> Tensor:
    """The numbers of a named block, float64: of cells merged into one, the first."""
    ((sheet, cells),) = book.defined_names[name].destinations
    found = book[sheet][cells]
    if not isinstance(found, tuple):
        return torch.tensor(found.value, dtype=torch.float64)
    step = len(found) * len(found[0]) // math.prod(shape)
    return torch.tensor([[c.value for c in row[::step]] for row in found], dtype=torch.float64).view(shape)


def torchs(book: Workbook) -> dict[str, Tensor]:
    """What torch makes of the inputs in the workbook: name of a block -> what it should hold."""
    x, eps, p = values(book, "x", 3, 4, 1, 2), values(book, "eps").item(), values(book, "momentum").item()
    gamma, beta = values(book, "gamma", 4), values(book, "beta", 4)
    gammas, betas = values(book, "gamma_elements", 4, 1, 2), values(book, "beta_elements", 4, 1, 2)
    groups = int(values(book, "groups"))
    kept = [values(book, name, 4) for name in ("running_mean", "running_var")]
    expected = {
        "batch_y": F.batch_norm(
            x, *kept, gamma, beta, training=True, momentum=p, eps=eps
        ),  # moves what is kept
        "batch_x_hat": F.batch_norm(x, None, None, training=True, eps=eps),
        "batch_in_use": F.batch_norm(x, *kept, gamma, beta, training=False, eps=eps),
        "batch_running_mean": kept[0],
        "batch_running_var": kept[1],
        "batch_unbiased": x.var((0, 2, 3), correction=1),
        "layer_x_hat": F.layer_norm(x, (4, 1, 2), eps=eps),
        "layer_y": F.layer_norm(x, (4, 1, 2), gammas, betas, eps),
        "group_x_hat": F.group_norm(x, groups, eps=eps),
        "group_y": F.group_norm(x, groups, gamma, beta, eps),
        "instance_x_hat": F.instance_norm(x, eps=eps),
        "instance_y": F.instance_norm(x, weight=gamma, bias=beta, eps=eps),
        "rms_x_hat": F.rms_norm(x, (4, 1, 2), eps=eps),
        "rms_y": F.rms_norm(x, (4, 1, 2), gammas, eps=eps),
        "rms_square": x.square().mean((1, 2, 3)),
        "rms_root": (x.square().mean((1, 2, 3)) + eps).sqrt(),
    }
    for norm, axes in {"batch": (0, 2, 3), "layer": (1, 2, 3), "instance": (2, 3)}.items():
        expected |= statistics(norm, x, axes, eps)
    if groups == 2:  # for other numbers some slots are empty: x_hat and y are compared
        found = statistics("group", x.view(3, 2, 2, 1, 2), (2, 3, 4), eps)
        empty = torch.full((3, 2), torch.nan, dtype=torch.float64)
        expected |= {name: torch.cat([value, empty], dim=1) for name, value in found.items()}
    return {name: value.double() for name, value in expected.items()}


def statistics(norm: str, x: Tensor, axes: tuple[int, ...], eps: float) -> dict[str, Tensor]:
    var = x.var(axes, correction=0)
    return {f"{norm}_mean": x.mean(axes), f"{norm}_var": var, f"{norm}_sigma": (var + eps).sqrt()}


def compare(book: Workbook) -> None:
    for name, expected in torchs(book).items():
        if expected.isnan().any():  # group norm's empty slots are the text ""
            ((sheet, cells),) = book.defined_names[name].destinations
            found = [[c.value for c in row[::2]] for row in book[sheet][cells]]
            assert all(value in ("", None) for row in found for value in row[2:]), name
            result, expected = torch.tensor([row[:2] for row in found], dtype=torch.float64), expected[:, :2]
        else:
            result = values(book, name, *expected.shape)
        torch.testing.assert_close(result, expected, rtol=1e-9, atol=1e-9, msg=lambda m, n=name: f"{n}: {m}")


def recalculated(path: Path, folder: Path, **inputs: float) -> Workbook:
    """The workbook with every formula computed by LibreOffice, after these cells of Introduction were set."""
    book = openpyxl.load_workbook(path)
    for cell, value in inputs.items():
        assert isinstance(book["Introduction"][cell].value, int | float), f"{cell} is no input"
        book["Introduction"][cell] = value
    book.save(folder / "changed.xlsx")  # without the cached values: none can be passed off as computed
    command = [OFFICE, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless"]
    command += ["--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(folder / "out")]
    subprocess.run([*command, str(folder / "changed.xlsx")], check=True, capture_output=True, timeout=300)
    return openpyxl.load_workbook(folder / "out" / "changed.xlsx", data_only=True)


def test_the_inputs_are_the_worked_example():
    book = openpyxl.load_workbook(workbook.PATH, data_only=True)
    assert torch.equal(values(book, "x", 3, 4, 1, 2), worked_example().double())


def test_the_values_stored_are_torchs():
    compare(openpyxl.load_workbook(workbook.PATH, data_only=True))


def test_every_block_is_compared_with_torch():
    book = openpyxl.load_workbook(workbook.PATH, data_only=True)
    inputs = {"x", "eps", "momentum", "groups", "gamma", "beta", "gamma_elements", "beta_elements"}
    inputs |= {"running_mean", "running_var", "group_number"} | {
        n for n in book.defined_names if n.endswith("_x")
    }
    assert set(book.defined_names) - inputs == set(torchs(book))


def test_the_committed_workbook_is_what_the_script_writes(tmp_path):
    workbook.write(tmp_path / "new.xlsx")
    for data_only in (False, True):  # formulas, then values
        committed, new = (
            openpyxl.load_workbook(path, data_only=data_only)
            for path in (workbook.PATH, tmp_path / "new.xlsx")
        )
        assert committed.sheetnames == new.sheetnames
        for sheet in new:
            assert committed[sheet.title].dimensions == sheet.dimensions
            for row in sheet.iter_rows():
                for cell in row:
                    there = committed[sheet.title][cell.coordinate]
                    number = isinstance(cell.value, float)
                    right = pytest.approx(cell.value, rel=1e-12, abs=1e-12) if number else cell.value
                    assert there.value == right, (
                        f"{sheet.title}!{cell.coordinate}: run python tests/tools/workbook.py"
                    )
                    assert there.number_format == cell.number_format


def test_nothing_but_inputs_and_headings_is_a_typed_number():
    book = openpyxl.load_workbook(workbook.PATH)
    for sheet in book.worksheets[1:]:
        numbers = [c for row in sheet.iter_rows() for c in row if isinstance(c.value, int | float)]
        assert len({c.row for c in numbers}) == 2, sheet.title  # channel and pixel


@needs_office
def test_the_formulas_give_the_values_stored(tmp_path):
    formulas = openpyxl.load_workbook(workbook.PATH)
    stored = openpyxl.load_workbook(workbook.PATH, data_only=True)
    new = recalculated(workbook.PATH, tmp_path)
    count = 0
    for sheet in formulas:
        for row in sheet.iter_rows():
            for cell in row:
                if isinstance(cell.value, str) and cell.value.startswith("="):
                    a, b = (book[sheet.title][cell.coordinate].value for book in (new, stored))
                    assert (a or 0) == pytest.approx(b or 0, rel=1e-9, abs=1e-12), (
                        sheet.title,
                        cell.coordinate,
                    )
                    assert isinstance(a, int | float) == isinstance(b, int | float)
                    count += 1
    assert count > 300


@needs_office
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_every_sheet_follows_its_inputs(groups, tmp_path):
    book = openpyxl.load_workbook(workbook.PATH)

    def place(name: str) -> tuple[str, int]:
        ((_, cells),) = book.defined_names[name].destinations
        first = cells.replace("$", "").split(":")[0]
        return first[0], int(first[1:])

    def cell(name: str, column: str = "") -> str:
        start, row = place(name)
        return f"{column or start}{row}"

    changes = {cell("x", "D"): 100.0, cell("gamma", "F"): -2.0, cell("beta", "H"): 0.5, cell("eps"): 0.3}
    changes |= {cell("gamma_elements", "E"): 3.0, cell("beta_elements", "I"): -7.0, cell("momentum"): 0.7}
    changes |= {cell("running_mean", "B"): 4.0, cell("running_var", "D"): 9.0, cell("groups"): groups}
    found = recalculated(workbook.PATH, tmp_path, **changes)
    assert values(found, "eps") == 0.3
    compare(found)
