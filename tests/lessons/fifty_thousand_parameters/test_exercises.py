"""Exercises of lesson 15: right answers pass, mistakes as learners write them are named."""

import statistics

import pytest
import torch
from torch import nn

from helpers.images.batches import Augment, Batches
from helpers.lessons.fifty_thousand_parameters import exercises


def by_torch(inputs, outputs, kernel, height, width):
    depthwise = nn.Conv2d(inputs, inputs, kernel, padding="same", groups=inputs, bias=False)
    net = nn.Sequential(depthwise, nn.Conv2d(inputs, outputs, 1, bias=False))
    parameters = sum(p.numel() for p in net.parameters())
    return parameters, parameters * net(torch.zeros(1, inputs, height, width))[0, 0].numel()


def by_xor(first, epoch):
    return first ^ bool(epoch % 2)


def by_statistics(held_out, test):
    best = max(held_out, key=lambda name: statistics.mean(held_out[name]))
    return best, statistics.mean(test[best])


RIGHT = [("separable_cost", by_torch), ("flipped", by_xor), ("reported", by_statistics)]


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_answers_written_otherwise_pass(name, answer, said):
    assert said(name, answer).startswith(f"{name}: correct.")


def biases_counted_in_the_parameters(inputs, outputs, kernel, height, width):
    parameters, multiply_adds = by_torch(inputs, outputs, kernel, height, width)
    return parameters + inputs + outputs, multiply_adds


def pixels_forgotten(inputs, outputs, kernel, height, width):
    parameters, _ = by_torch(inputs, outputs, kernel, height, width)
    return parameters, parameters


def by_chance(first, epoch):
    return first if epoch == 0 else torch.rand(len(first)) < 0.5


def changed_in_place(first, epoch):
    return first.logical_not_() if epoch % 2 else first


def places(first, epoch):
    return by_xor(first, epoch).nonzero()


def chosen_by_the_test(held_out, test):
    return by_statistics(test, test)


def the_choice_reported(held_out, test):
    return by_statistics(held_out, held_out)


def number_in_place_of_the_name(held_out, test):
    best, accuracy = by_statistics(held_out, test)
    return list(held_out).index(best), accuracy


def other_way_round(held_out, test):
    return by_statistics(held_out, test)[::-1]


AS_LEARNERS_WRITE_THEM = [
    ("separable_cost", biases_counted_in_the_parameters, "parameters: biases are counted"),
    ("separable_cost", pixels_forgotten, "at each pixel"),
    ("flipped", by_chance, "drawn anew by chance"),
    ("flipped", changed_in_place, "it changes first itself"),
    ("flipped", places, "the numbers of the images"),
    ("reported", chosen_by_the_test, "chosen by its test accuracy"),
    ("reported", the_choice_reported, "that of the held-out images"),
    ("reported", number_in_place_of_the_name, "return one of these words exactly"),
    ("reported", other_way_round, "in another order"),
]


@pytest.mark.parametrize(("name", "answer", "words"), AS_LEARNERS_WRITE_THEM)
def test_a_mistake_as_a_learner_writes_it_is_named(name, answer, words, is_named):
    is_named(name, answer, words)


def test_flips_alternate_as_in_the_batches_of_the_course():
    batches = Batches(
        torch.zeros(9, 1, 4, 4, dtype=torch.uint8),
        torch.zeros(9, dtype=torch.int64),
        torch.zeros(1),
        torch.ones(1),
        batch_size=9,
        seed=3,
        augment=Augment(flip=True, alternating=True),
    )
    seen = []
    for _ in range(4):
        next(iter(batches))
        seen.append(batches.mirrored[:, 0].clone())
    for epoch, mirrored in enumerate(seen):
        assert torch.equal(mirrored, exercises.flipped(seen[0], epoch))
    assert 0 < seen[0].sum() < 9
