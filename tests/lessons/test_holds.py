"""What lessons' cells say: `holds` says yes only where it is so; the worked example is the published one."""

import pytest
import torch

from helpers.analysis.published import worked_example
from helpers.lessons.checks import holds


def printed(capsys, *args, **settings):
    assert holds("claim", *args, **settings) is None
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0 + 1e-6])),  # rounding of float32
        (
            torch.tensor([1e6], dtype=torch.float64),
            torch.tensor([1e6 + 1e-5], dtype=torch.float64),
        ),  # relative
        ([1, 2], (1, 2)),
        (torch.tensor(3), 3),
        (torch.ones(2, requires_grad=True), torch.ones(2)),
        (torch.tensor([float("inf")]), torch.tensor([float("inf")])),
        (torch.zeros(0), torch.zeros(0)),
        (torch.tensor([True]), torch.tensor([True])),
    ],
)
def test_what_agrees_to_rounding_holds(a, b, capsys):
    assert printed(capsys, a, b) == "holds: claim\n"


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        (torch.tensor([1.0]), torch.tensor([1.0 + 1e-4]), "largest difference 1.0e-04, allowed 1e-05"),
        (torch.tensor([1.0]).double(), torch.tensor([1.0 + 1e-6]).double(), "allowed 1e-10"),
        (torch.tensor([1e-3]), torch.tensor([2e-3]), "largest difference 1.0e-03"),
        (torch.tensor([float("nan")]), torch.tensor([float("nan")]), "nan"),
        (torch.tensor([float("inf")]), torch.tensor([1.0]), "inf"),
        (torch.zeros(4), torch.zeros(4, 1), "shapes (4,) and (4, 1)"),
        (2, 3, "allowed 0"),
        (True, False, "allowed 0"),
    ],
)
def test_what_does_not_agree_is_said_loudly_and_why(a, b, why, capsys):
    text = printed(capsys, a, b)
    assert text.startswith("DOES NOT HOLD: claim (")
    assert why in text


def test_the_tolerance_given_is_the_one_used(capsys):
    assert printed(capsys, 1.0, 1.4, tolerance=0.5).startswith("holds")
    assert printed(capsys, 1.0, 1.4, tolerance=0.1).startswith("DOES NOT")


def test_the_worked_example_has_the_published_means():
    x = worked_example()
    assert x.shape == (3, 4, 1, 2)
    assert x.dtype == torch.float32
    torch.testing.assert_close(x.mean((0, 2, 3)), torch.tensor([1.5, 11 / 3, 43 / 6, 12.0]))
    assert x[0, 3].tolist() == [[17, 19]]
