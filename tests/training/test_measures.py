"""What is measured of a trained network: on tiny networks and images whose answers are known."""

import dataclasses

import pytest
import torch
from torch import nn

from helpers.images import datasets
from helpers.training import measures
from helpers.training.execution import Execution
from helpers.training.measures import BRIGHTNESS, CONTRAST, MEASURES, shifted

EXECUTION = Execution("cpu", "float32", 1)


class Brighter(nn.Module):
    """Class 1 for images whose mean pixel is above the limit, class 0 for the others."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = nn.Parameter(torch.tensor(limit))

    def forward(self, x):
        mean = x.mean(dim=(1, 2, 3))
        return torch.stack([self.limit.expand_as(mean), mean], dim=1)


def gray(*levels):
    return torch.tensor(levels, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).clone()


def data(test, test_labels, train=(0, 255), train_labels=(0, 1)):
    """Gray images of 2 x 2 pixels, given to the network as 0 to 1."""
    return dataclasses.replace(
        datasets.load("digits"),
        train_images=gray(*train),
        train_labels=torch.tensor(train_labels),
        test_images=gray(*test),
        test_labels=torch.tensor(test_labels),
        mean=torch.zeros(1),
        std=torch.ones(1),
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, [0, 27, 128, 200, 255]),
        ({"brightness": 32}, [32, 59, 160, 232, 255]),
        ({"brightness": -96}, [0, 0, 32, 104, 159]),
        ({"contrast": 2.0}, [0, 0, 128, 255, 255]),  # 127.5 + 2 * 0.5 = 128.5, rounded to even
        ({"contrast": 0.25}, [96, 102, 128, 146, 159]),
        ({"contrast": 0.5, "brightness": 10}, [74, 87, 138, 174, 201]),
    ],
)
def test_shifted_scales_about_the_middle_then_adds_then_clips(change, expected):
    images = gray(0, 27, 128, 200, 255)
    found = shifted(images, **change)
    assert found.dtype == torch.uint8
    assert found.shape == images.shape
    assert found[:, 0, 0, 0].tolist() == expected
    assert (found == found[:, :, :1, :1]).all()
    assert images[:, 0, 0, 0].tolist() == [0, 27, 128, 200, 255]


def test_shifts_are_accuracies_on_the_shifted_test_images():
    images = data(test=(20, 60, 150, 200), test_labels=(0, 0, 1, 1))
    found = measures.shifts(Brighter(100 / 255), images, EXECUTION)
    assert found["none"] == {"0": 100.0}
    assert found["brightness"] == {
        "-96": 75.0,  # 200 becomes 104, 150 becomes 54
        "-64": 75.0, "-32": 100.0, "32": 100.0,
        "64": 75.0,  # 60 becomes 124
        "96": 50.0,  # both dark ones are above 100
    }  # fmt: skip
    assert found["contrast"] == {
        "0.25": 50.0,  # 60 becomes 111, 20 becomes 101
        "0.5": 100.0, "0.75": 100.0, "1.25": 100.0, "1.5": 100.0, "2": 100.0,
    }  # fmt: skip
    assert list(found["brightness"]) == [f"{step:g}" for step in BRIGHTNESS]
    assert list(found["contrast"]) == [f"{factor:g}" for factor in CONTRAST]


def test_train_is_of_the_training_images_and_test_of_the_test_images():
    images = data(
        test=(20, 60, 150, 200), test_labels=(0, 0, 1, 0), train=(0, 90, 110), train_labels=(0, 1, 1)
    )
    net = Brighter(100 / 255)
    assert MEASURES["test"](net, images, EXECUTION)["accuracy"] == 75.0
    assert MEASURES["train"](net, images, EXECUTION)["accuracy"] == pytest.approx(200 / 3)
    logits = torch.tensor([[100, 0], [100, 90], [100, 110]]) / 255
    loss = nn.functional.cross_entropy(logits, torch.tensor([0, 1, 1])).item()
    assert MEASURES["train"](net, images, EXECUTION)["loss"] == pytest.approx(loss)


def test_measures_are_taken_in_evaluation_mode_and_leave_the_network_as_it_was():
    net = nn.Sequential(nn.BatchNorm2d(1), Brighter(0.0), nn.Dropout(0.9)).train()
    images, before = (
        data(test=(20, 200), test_labels=(1, 1)),
        {k: v.clone() for k, v in net.state_dict().items()},
    )
    for name, measure in MEASURES.items():
        if name != "sparsity":
            assert measure(net, images, EXECUTION) == measure(net, images, EXECUTION)
    assert MEASURES["test"](net, images, EXECUTION)["accuracy"] == 100.0  # by its own mean one were below 0
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    assert net.training


def test_sparsity_counts_weights_of_linear_and_convolution_layers_only():
    net = nn.Sequential(
        nn.Conv2d(1, 2, 2), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 3), nn.BatchNorm1d(3)
    )
    conv, linear = net[0], net[3]
    conv.weight.data = torch.tensor([[0.0, 0, 0, 0], [0.05, -0.6, 0, 5e-6]]).view(2, 1, 2, 2)
    linear.weight.data = torch.tensor([[0.0, 0], [0.005, -0.25], [2.0, 0]])
    nn.init.zeros_(conv.bias), nn.init.zeros_(linear.bias)
    found = measures.sparsity(net, data((0,), (0,)), EXECUTION)
    assert found["weights"] == 14
    assert found["zeros"] == 8
    assert (found["channels"], found["zero_channels"]) == (5, 2)
    below = [11, 10, 9, 9, 9, 8, 8, 8]  # of 0.1, 0.01, 0.001, ...; 5e-6 is below 1e-5, not below 1e-6
    assert list(found["below"].values()) == below
    assert list(found["below"])[:5] == ["0.1", "0.01", "0.001", "0.0001", "1e-05"]
    values = [0.05, 0.6, 5e-6, 0.005, 0.25, 2.0]
    assert found["l1"] == pytest.approx(sum(values))
    assert found["squared"] == pytest.approx(sum(v * v for v in values))


def test_the_histogram_counts_every_weight_once_those_beyond_in_the_last_bins():
    net = nn.Linear(6, 1)
    net.weight.data = torch.tensor([[-3.0, -0.5, -0.01, 0.005, 0.495, 7.0]])
    counts = measures.sparsity(net, data((0,), (0,)), EXECUTION)["histogram"]
    assert len(counts) == 50
    assert {i: n for i, n in enumerate(counts) if n} == {0: 2, 24: 1, 25: 1, 49: 2}
