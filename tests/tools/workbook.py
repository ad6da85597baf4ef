"""Writes data/normalizations.xlsx: the published worked example through five norms, in live formulas.

    python tests/tools/workbook.py [PATH]

It stands here, not in helpers/, because only who changes the workbook needs XlsxWriter; a learner opens the
file in a spreadsheet program. Every formula is stored with its value, which is computed here another way;
tests/tools/test_workbook.py compares the two by LibreOffice, and the values with torch's. Each block is a
defined name, such as batch_y.
"""

import datetime
import sys
from pathlib import Path

import torch
import xlsxwriter
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from helpers import ROOT
from helpers.analysis.published import worked_example
from helpers.nn.functional import normalize
from tests.tools.workbook_sheet import HUES, Sheet, at, each_column, span

PATH = ROOT / "data" / "normalizations.xlsx"
EPS, MOMENTUM, GROUPS = 1e-5, 0.1, 2
X = worked_example().double()  # (3, 4, 1, 2)
PARAMETERS = {"gamma": 1.0, "beta": 0.0, "running_mean": 0.0, "running_var": 1.0}  # at the start, each (C,)
ELEMENTS = {"gamma_elements": 1.0, "beta_elements": 0.0}  # each (C, H, W)
INTRODUCTION = [
    "Three images, four channels, two pixels each: 24 numbers, taken through five norms, a sheet for each.",
    "Yellow cells are inputs. Change one and every sheet follows. All else is formulas.",
    "Cells of one tint share their statistics. A merged cell is one number for all that it spans.",
    "Try: set one pixel of image 0 to 100. On which sheets do the outputs of images 1 and 2 move?",
    "Try: groups 1, then 4. Which other sheet is the sheet Group equal to then, up to gamma and beta?",
    "Try: eps 1. Which norm's output changes most, and why? Try: momentum 1. What does batch norm keep?",
]


def introduction(book: xlsxwriter.Workbook) -> dict[str, int]:
    """Write the inputs; returns the first row of each."""
    sheet = Sheet(book, "Introduction", INTRODUCTION, lambda i, c: (0, 0))
    sheet.page.write(0, 0, "Five norms, one worked example", sheet.look(bold=True, font_size=16))
    notes = {
        "gamma": "weight. Of batch, group and instance norm: one for each channel.",
        "beta": "bias. At the start gamma is 1 and beta 0; both are learned.",
        "running_mean": "Batch norm's record before this batch; 0 and 1 at the start.",
        "gamma_elements": "Of layer norm over (C, H, W) and RMS norm: one for each element.",
        "beta_elements": "RMS norm has none.",
    }
    rows = {"x": sheet.block("x", "x: the images", X.flatten(1), None, "A published worked example.")}
    for count, group in ((4, PARAMETERS), (8, ELEMENTS)):
        for name, value in group.items():
            values = torch.full((1, count), value, dtype=torch.float64)
            rows[name] = sheet.block(name, name.replace("_", " "), values, None, notes.get(name, ""))
    sheet.row += 1
    sheet.setting("eps", EPS, "keeps the root away from 0")
    sheet.setting("momentum", MOMENTUM, "share of the new value in batch norm's record")
    sheet.setting("groups", GROUPS, "of group norm: 1, 2 or 4")
    sheet.page.data_validation(sheet.row - 1, 1, sheet.row - 1, 1, {"validate": "list", "source": [1, 2, 4]})
    sheet.page.activate()
    return rows


def images(sheet: Sheet, rows: dict[str, int]) -> int:
    name = f"{sheet.name.lower()}_x"
    return sheet.block(
        name, "x", X.flatten(1), lambda i, k: f"=Introduction!{at(k)}{rows['x'] + i}", digits="General"
    )


def output(
    sheet: Sheet, rows: dict[str, int], top: int, x_hat: Tensor, scale: str, shift: str | None
) -> None:
    """Write gamma x_hat + beta; `top` is the first row of x_hat, `scale` and `shift` name the parameters."""
    count = 4 if scale in PARAMETERS else 8

    def formula(i: int, k: int) -> str:
        column = at(k * count // 8, count)
        bias = f"+Introduction!{column}{rows[shift]}" if shift else ""
        return f"=Introduction!{column}{rows[scale]}*{at(k)}{top + i}{bias}"

    title = f"y = gamma · x_hat{' + beta' if shift else ''}"
    sheet.block(
        f"{sheet.name.lower()}_y",
        title,
        x_hat.flatten(1),
        formula,
        "The output: at first gamma is 1, beta 0.",
    )


def batch(book: xlsxwriter.Workbook, rows: dict[str, int]) -> None:
    lines = [
        "A channel, in all images, shares one mean and one variance: N x H x W = 6 numbers. 4 means.",
        "torch.nn.BatchNorm2d(4). Ioffe & Szegedy 2015, algorithm 1.",
    ]
    sheet = Sheet(book, "Batch norm", lines, lambda i, c: (c, 0))
    x_hat, mean, var = normalize(X, (0, 2, 3), EPS)
    mean, var = mean.view(1, 4), var.view(1, 4)
    top = images(sheet, rows)
    pool = [span(k, 4, top, top + 2) for k in range(4)]
    m = sheet.block(
        "batch_mean", "mean", mean, lambda i, k: f"=AVERAGE({pool[k]})", "Of the six cells of one tint."
    )
    v = sheet.block(
        "batch_var",
        "variance, biased",
        var,
        lambda i, k: f"=DEVSQ({pool[k]})/COUNT({pool[k]})",
        "DEVSQ is the sum of squared deviations from the mean. Divided by m = 6: this one normalizes.",
    )
    s = sheet.block(
        "batch_sigma",
        "sigma",
        (var + EPS).sqrt(),
        lambda i, k: f"=SQRT({at(k, 4)}{v}+eps)",
        "eps is inside the root.",
    )
    h = sheet.block(
        "batch_x_hat",
        "x_hat = (x - mean) / sigma",
        x_hat.flatten(1),
        lambda i, k: f"=({at(k)}{top + i}-{at(k // 2, 4)}${m})/{at(k // 2, 4)}${s}",
        "Mean 0 and deviation 1 in each channel.",
    )
    output(sheet, rows, h, x_hat, "gamma", "beta")
    u = sheet.block(
        "batch_unbiased",
        "variance, unbiased",
        var * 6 / 5,
        lambda i, k: f"=DEVSQ({pool[k]})/(COUNT({pool[k]})-1)",
        "Divided by m - 1 = 5: this one is kept.",
    )
    kept, places = [], []
    for name, now, row in (("running_mean", mean, m), ("running_var", var * 6 / 5, u)):
        kept.append((1 - MOMENTUM) * PARAMETERS[name] + MOMENTUM * now)
        place = sheet.block(
            f"batch_{name}",
            f"{name.replace('_', ' ')} after this batch",
            kept[-1],
            lambda i, k, name=name, row=row: (
                f"=(1-momentum)*Introduction!{at(k, 4)}{rows[name]}+momentum*{at(k, 4)}{row}"
            ),
            "momentum is the share of the new value.",
        )
        places.append(place)

    def in_use(i: int, k: int) -> str:
        c = at(k // 2, 4)
        normalized = f"({at(k)}{top + i}-{c}${places[0]})/SQRT({c}${places[1]}+eps)"
        return f"=Introduction!{c}${rows['gamma']}*{normalized}+Introduction!{c}${rows['beta']}"

    running_mean, running_var = map(each_column, kept)
    y = (X.flatten(1) - running_mean) / (running_var + EPS).sqrt()
    sheet.block(
        "batch_in_use", "y in use, after eval()", y, in_use, "By the record: no image depends on another."
    )


def by_image(
    book: xlsxwriter.Workbook,
    rows: dict[str, int],
    title: str,
    lines: list[str],
    axes: tuple[int, ...],
    count: int,
    parameters: tuple[str, str],
) -> None:
    """Layer and instance norm: each image has `count` means, each of neighbouring columns."""
    sheet = Sheet(book, title, lines, lambda i, c: (i, c % 2 if count > 1 else 0))
    name = sheet.name.lower()
    x_hat, mean, var = normalize(X, axes, EPS)
    mean, var = mean.view(3, count), var.view(3, count)
    top = images(sheet, rows)

    def pool(i: int, k: int) -> str:
        return span(k, count, top + i, top + i)

    m = sheet.block(
        f"{name}_mean", "mean", mean, lambda i, k: f"=AVERAGE({pool(i, k)})", "Of the cells of one tint."
    )
    v = sheet.block(
        f"{name}_var",
        "variance, biased",
        var,
        lambda i, k: f"=DEVSQ({pool(i, k)})/COUNT({pool(i, k)})",
        "DEVSQ is the sum of squared deviations from the mean.",
    )
    sigma = (var + EPS).sqrt()
    s = sheet.block(f"{name}_sigma", "sigma", sigma, lambda i, k: f"=SQRT({at(k, count)}{v + i}+eps)")

    def formula(i: int, k: int) -> str:
        c = at(k * count // 8, count)
        return f"=({at(k)}{top + i}-{c}{m + i})/{c}{s + i}"

    h = sheet.block(
        f"{name}_x_hat", "x_hat = (x - mean) / sigma", x_hat.flatten(1), formula, "No other image is in it."
    )
    output(sheet, rows, h, x_hat, *parameters)


def group(book: xlsxwriter.Workbook, rows: dict[str, int]) -> None:
    """Group norm for any number of groups: a channel looks its group's statistics up."""
    lines = [
        "4 / groups channels of an image share one mean and one variance: groups x 3 means.",
        "torch.nn.GroupNorm(groups, 4). Wu & He 2018, equations 1 to 7.",
    ]
    sheet = Sheet(book, "Group norm", lines, lambda i, c: (i, 0))
    x_hat, mean, var = normalize(X.unflatten(1, (GROUPS, -1)), (2, 3, 4), EPS)
    numbers = each_column((torch.arange(4.0).double() * GROUPS / 4).floor().view(1, 4))
    c = sheet.channels
    g = sheet.block(
        "group_number",
        "group of the channel",
        numbers,
        lambda i, k: f"=INT({at(k)}${c}*groups/4)",
        "The first 4 / groups channels are group 0.",
        digits="0",
    )
    top = images(sheet, rows)
    groups, empty = f"$B${g}:$I${g}", torch.full((3, 4 - GROUPS), torch.nan, dtype=torch.float64)

    def slots(values: Tensor) -> Tensor:
        return torch.cat([values.view(3, GROUPS), empty], dim=1)

    def when(k: int, formula: str) -> str:
        return f'=IF({k}<groups,{formula},"")'

    def variance(i: int, k: int) -> str:
        row = f"$B{top + i}:$I{top + i}"
        return when(k, f"SUMPRODUCT(({groups}={k})*({row}-{at(k, 4)}{m + i})^2)/COUNTIF({groups},{k})")

    m = sheet.block(
        "group_mean",
        "mean of group 0, 1, ...",
        slots(mean),
        lambda i, k: when(k, f"AVERAGEIF({groups},{k},$B{top + i}:$I{top + i})"),
        "Here the k-th cell is group k. AVERAGEIF takes the cells of that group.",
    )
    v = sheet.block(
        "group_var", "variance, biased", slots(var), variance, "SUMPRODUCT adds where the group is k."
    )
    s = sheet.block(
        "group_sigma",
        "sigma",
        slots((var + EPS).sqrt()),
        lambda i, k: when(k, f"SQRT({at(k, 4)}{v + i}+eps)"),
    )

    def formula(i: int, k: int) -> str:
        mean, sigma = (f"INDEX($B{row + i}:$I{row + i},1+2*{at(k)}${g})" for row in (m, s))
        return f"=({at(k)}{top + i}-{mean})/{sigma}"

    h = sheet.block(
        "group_x_hat",
        "x_hat = (x - mean) / sigma",
        x_hat.flatten(1),
        formula,
        "INDEX looks up the statistics of the channel's group.",
    )
    output(sheet, rows, h, x_hat, "gamma", "beta")
    for first in (top, h, h + 5):  # x, x_hat, y: every other group in the darker tint, whatever `groups` is
        for i in range(3):
            darker = book.add_format({"bg_color": HUES[i][1]})
            rule = {"type": "formula", "criteria": f"=MOD(B${g},2)=1", "format": darker}
            sheet.page.conditional_format(f"B{first + i}:I{first + i}", rule)


def rms(book: xlsxwriter.Workbook, rows: dict[str, int]) -> None:
    lines = [
        "All values of an image share one mean square: 8 numbers. No mean is subtracted. 3 mean squares.",
        "torch.nn.RMSNorm((4, 1, 2), eps=1e-5). Zhang & Sennrich 2019, equation 4.",
    ]
    sheet = Sheet(book, "RMS norm", lines, lambda i, c: (i, 0))
    x_hat, _, square = normalize(X, (1, 2, 3), EPS, center=False)
    square = square.view(3, 1)
    top = images(sheet, rows)
    q = sheet.block(
        "rms_square",
        "mean square",
        square,
        lambda i, k: f"=SUMSQ(B{top + i}:I{top + i})/COUNT(B{top + i}:I{top + i})",
        "SUMSQ is the sum of the squares. The mean square is variance + mean squared.",
    )
    r = sheet.block(
        "rms_root", "root", (square + EPS).sqrt(), lambda i, k: f"=SQRT(B{q + i}+eps)", "Root mean square."
    )
    h = sheet.block(
        "rms_x_hat",
        "x_hat = x / root",
        x_hat.flatten(1),
        lambda i, k: f"={at(k)}{top + i}/$B{r + i}",
        "Mean square 1; the mean is wherever it was.",
    )
    output(sheet, rows, h, x_hat, "gamma_elements", None)


def write(path: Path = PATH) -> None:
    """Write the workbook."""
    with xlsxwriter.Workbook(str(path)) as book:
        book.set_properties(
            {"title": "Five norms, one worked example", "created": datetime.datetime(2026, 1, 1)}
        )
        rows = introduction(book)
        batch(book, rows)
        layer = [
            "All values of an image share one mean and one variance: C x H x W = 8 numbers. 3 means.",
            "torch.nn.LayerNorm((4, 1, 2)); Ba, Kiros & Hinton 2016, equations 3 and 4.",
        ]
        by_image(book, rows, "Layer norm", layer, (1, 2, 3), 1, ("gamma_elements", "beta_elements"))
        group(book, rows)
        instance = [
            "A channel of an image shares one mean and one variance: H x W = 2 numbers. 12 means.",
            "torch.nn.InstanceNorm2d(4, affine=True). Of two numbers only their order is left.",
        ]
        by_image(book, rows, "Instance norm", instance, (2, 3), 4, ("gamma", "beta"))
        rms(book, rows)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else PATH)
