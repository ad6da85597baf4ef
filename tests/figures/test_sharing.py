"""The cubes: which values share a statistic is what torch's layers do, and what is drawn is that."""

import itertools

import pytest
import torch
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from torch.nn import functional as F

from helpers.figures import sharing as axes_figures
from helpers.figures.sharing import TITLES, counts, cube, cubes, one_cube, sharing, who_moves

pytestmark = pytest.mark.usefixtures("course_style")
SHAPE = (3, 6, 2, 4)
TORCHS = {
    "batch": lambda x, groups: F.batch_norm(x, None, None, training=True),
    "layer": lambda x, groups: F.layer_norm(x, x.shape[1:]),
    "group": lambda x, groups: F.group_norm(x, groups),
    "instance": lambda x, groups: F.instance_norm(x),
    "RMS": lambda x, groups: F.rms_norm(x, x.shape[1:]),
    "position": lambda x, groups: F.layer_norm(x.permute(0, 2, 3, 1), x.shape[1:2]).permute(0, 3, 1, 2),
}


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
@pytest.mark.parametrize("norm", TITLES)
def test_values_share_a_statistic_exactly_where_torch_lets_one_move_the_other(norm, groups):
    torch.manual_seed(0)
    x = torch.randn(SHAPE, dtype=torch.float64)
    ids = sharing(norm, SHAPE, groups)
    for place in itertools.islice(itertools.product(*map(range, SHAPE)), 0, None, 17):
        other = x.clone()
        other[place] += 1
        moved = (TORCHS[norm](other, groups) - TORCHS[norm](x, groups)).abs() > 1e-9
        assert torch.equal(moved, ids == ids[place]), place


@pytest.mark.parametrize("norm", TITLES)
def test_sets_are_numbered_from_0_and_all_of_one_size(norm):
    ids = sharing(norm, SHAPE, groups=3)
    number, values = counts(norm, SHAPE, groups=3)
    assert ids.shape == SHAPE
    assert torch.equal(ids.unique(return_counts=True)[1], torch.full((number,), values))
    assert torch.equal(ids.unique(), torch.arange(number))


def test_an_unknown_norm_and_groups_that_do_not_fit_are_refused_in_words():
    with pytest.raises(ValueError, match="unknown norm 'weight'; choose one of batch, layer, group"):
        sharing("weight", SHAPE)
    for groups in (4, 0):
        with pytest.raises(ValueError, match=f"6 channels cannot be divided into {groups} groups"):
            sharing("group", SHAPE, groups)


@pytest.mark.parametrize("shape", [SHAPE, (1, 6, 1, 1), (5, 6, 3, 1)])
@pytest.mark.parametrize("norm", TITLES)
def test_coloured_cells_are_those_of_one_set_on_each_side(norm, shape):
    n, c, h, w = shape
    ids = sharing(norm, shape, groups=2).flatten(2)
    chosen = ids[0, c - 1, 0]
    sides = ids[0], ids[:, :, 0], ids[:, c - 1]
    _, ax = plt.subplots()
    cube(ax, norm, shape, groups=2)
    white = [to_rgb(patch.get_facecolor()) == (1, 1, 1) for patch in ax.patches]
    assert len(white) == c * h * w + n * c + n * h * w
    assert white.count(False) == sum(int((side == chosen).sum()) for side in sides)
    hatched = [patch for patch in ax.patches if patch.get_hatch()]
    assert len(hatched) == (white.count(False) if norm == "RMS" else 0)


@pytest.mark.parametrize("norm", ["batch", "layer", "position"])
def test_strong_lines_part_the_sets(norm):
    n, c, p = 4, 6, 6
    _, ax = plt.subplots()
    cube(ax, norm, (n, c, 2, 3))
    expected = {
        "batch": (c - 1) * (p + n),  # front columns, top columns
        "layer": (n - 1) * (c + p),  # top rows, side columns
        "position": (p - 1) * (c + n) + (n - 1) * (c + p),  # front and side rows; top rows and side columns
    }
    assert len(ax.lines) - 3 * 4 == expected[norm]  # beside the four edges of each side


def test_a_figure_has_a_titled_cube_for_each_norm():
    fig = cubes(["batch", "RMS", "position", "group"], (4, 6, 2, 3), groups=2)
    titles = [ax.get_title(loc="center") for ax in fig.axes]
    assert titles == [
        "Batch norm\n6 means, 24 values in each",
        "RMS norm: mean square only\n4 mean squares, 36 values in each",
        "Layer norm, per position\n24 means, 6 values in each",
        "Group norm\n8 means, 18 values in each",
        "",
        "",
    ]


def test_the_explorers_figure_and_its_alt_text_agree():
    fig = one_cube("group", groups=3, N=2, C=6, H=1, W=2)
    assert "6 means, 4 values in each" in fig.axes[0].get_title(loc="center")
    assert (
        fig.alt == "A cube of 2 images, 6 channels in 3 groups, 2 pixels: 6 sets of 4 cells; one is coloured."
    )


def test_who_moves_fills_a_square_for_each_pair_that_moves():
    pairs = torch.tensor([[True, False], [True, True]])  # changing image 1 moves output 0
    fig = who_moves({"one": pairs, "other": torch.eye(2, dtype=torch.bool)})
    squares = [p for p in fig.axes[0].patches if to_rgb(p.get_facecolor()) != (1, 1, 1)]
    assert {(p.get_y(), p.get_x()) for p in squares} == {(0, 0), (1, 0), (1, 1)}  # row: image changed
    assert [p.get_hatch() for p in squares if (p.get_y(), p.get_x()) == (1, 0)] == ["///"]
    assert [ax.get_title(plt.rcParams["axes.titlelocation"]) for ax in fig.axes] == ["one", "other"]


def test_every_norm_has_its_axes_and_a_colour_of_its_own():
    assert set(axes_figures.POOLED) | {"group"} == set(TITLES)
    assert len({axes_figures.COLORS[norm] for norm in TITLES}) == len(TITLES)
