"""How a sheet of data/normalizations.xlsx looks: blocks of values with live formulas, tints and notes."""

from collections.abc import Callable

import xlsxwriter
from torch import Tensor

HUES = [("#DCECF7", "#B7D7EE"), ("#FBE6D4", "#F6CBA6"), ("#D9F0E7", "#AEDFCB"), ("#F1DFEE", "#E0BBDA")]
YELLOW = {"bg_color": "#FFF2A8", "border": 1, "border_color": "#C9B037", "num_format": "General"}
QUIET = {"italic": True, "font_color": "#595959", "valign": "top", "text_wrap": True}


class Sheet:
    """One sheet: rows are images; columns B to I are 4 channels x 2 pixels; notes stand in column K.

    `hue(i, c)` is the tint, as a place in HUES, of the cells of image i, channel c.
    """

    def __init__(self, book: xlsxwriter.Workbook, title: str, lines: list[str], hue: Callable) -> None:
        self.book, self.hue, self.name = book, hue, title.split()[0]
        self.page = book.add_worksheet(self.name)
        self.page.hide_gridlines(2)
        for columns, width in (("A:A", 25), ("B:I", 9), ("J:J", 1.5), ("K:K", 50)):
            self.page.set_column(columns, width, self.look())
        self.page.set_landscape()
        self.page.set_paper(9)  # A4
        self.page.fit_to_pages(1, 1)
        self.page.set_margins(0.4, 0.4, 0.4, 0.4)
        self.page.set_row(0, 28)
        self.page.write(0, 0, title, self.look(bold=True, font_size=16))
        for row, line in enumerate(lines, start=1):
            self.page.write(row, 0, line, self.look())
        self.row = len(lines) + 2
        for label in ("channel", "pixel"):
            self.page.write(self.row, 0, label, self.look(font_color="#595959"))
            for k in range(8):
                number = k // 2 if label == "channel" else k % 2
                self.page.write(self.row, k + 1, number, self.look(font_color="#595959", align="center"))
            self.row += 1
        self.page.freeze_panes(self.row, 1)
        self.channels = self.row - 1  # the row "channel", counted from 1 as a spreadsheet does

    def look(self, **look: object) -> xlsxwriter.format.Format:
        return self.book.add_format({"font_name": "Arial", "font_size": 10, "valign": "vcenter"} | look)

    def block(
        self,
        name: str,
        title: str,
        values: Tensor,
        formula: Callable[[int, int], str] | None,
        note: str = "",
        digits: str = "0.0000",
    ) -> int:
        """Write a named block; returns its first row, counted from 1.

        `values` is (1 or 3, 1, 4 or 8): each of a row's values spans its share of the columns B to I. NaN
        stands for an empty text. `formula(i, k)` is that of value k of row i; None makes the values inputs.
        """
        (rows, count), start = values.shape, self.row + 2
        for k in range(9):
            self.page.write(self.row + 1, k, "" if k else title, self.look(bold=True, bottom=1))
        for i in range(rows):
            label = f"image {i}" if rows > 1 else name.removeprefix(f"{self.name.lower()}_")
            self.page.write(start + i, 0, label, self.look(indent=1))
            for k, value in enumerate(values[i].tolist()):
                hue, shade = self.hue(i, k * 4 // count)
                style = {
                    "align": "center",
                    "border": 1,
                    "border_color": "#FFFFFF",
                    "top": 0,
                    "num_format": digits,
                }
                cell = self.look(
                    **style | {"bg_color": HUES[hue][shade]} | (YELLOW if formula is None else {})
                )
                first, last = 1 + k * 8 // count, (k + 1) * 8 // count
                if last > first:
                    self.page.merge_range(start + i, first, start + i, last, "", cell)
                if formula is None:
                    self.page.write_number(start + i, first, value, cell)
                else:
                    shown = "" if value != value else value
                    self.page.write_formula(start + i, first, formula(i, k), cell, shown)
        self.page.write(start, 10, note, self.look(**QUIET))
        self.book.define_name(name, f"={self.name}!$B${start + 1}:$I${start + rows}")
        self.row = start + rows
        return start + 1

    def setting(self, name: str, value: float, note: str) -> None:
        """Write one input that is a single number."""
        self.page.write(self.row, 0, name, self.look(indent=1))
        self.page.write_number(self.row, 1, value, self.look(align="center", **YELLOW))
        self.page.write(self.row, 2, note, self.look(**QUIET | {"text_wrap": False}))
        self.row += 1
        self.book.define_name(name, f"={self.name}!$B${self.row}")


def at(k: int, count: int = 8) -> str:
    """The column where the k-th of `count` equal spans of the columns B to I begins."""
    return "BCDEFGHI"[k * 8 // count]


def span(k: int, count: int, first: int, last: int) -> str:
    """The cells of the k-th of `count` spans, from the first row to the last."""
    return f"{at(k, count)}{first}:{'BCDEFGHI'[(k + 1) * 8 // count - 1]}{last}"


def each_column(values: Tensor) -> Tensor:
    """(rows, count) -> (rows, 8): a value for each column that it spans."""
    return values.repeat_interleave(8 // values.shape[1], dim=1)
