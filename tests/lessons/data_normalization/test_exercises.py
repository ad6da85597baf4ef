"""Exercises of lesson 01: answers written otherwise pass, mistakes in a learner's own words are named."""

import pytest

from helpers.lessons.data_normalization import exercises


def by_loop(images, train_images):
    out = images.clone()
    for c in range(images.shape[1]):
        channel = train_images[:, c]
        out[:, c] = (images[:, c] - channel.mean()) / channel.var(correction=0).sqrt()
    return out


def from_torchvision(images, train_images):
    from torchvision.transforms.v2 import functional as tv

    mean = train_images.mean((0, 2, 3)).tolist()
    std = train_images.transpose(0, 1).flatten(1).std(1, correction=0).tolist()
    return tv.normalize(images, mean, std)


def by_totals(a, b):  # the common mean first, then each part's distance from it
    n = a[0] + b[0]
    mean = (a[0] * a[1] + b[0] * b[1]) / n
    return [n, mean, a[2] + a[0] * (a[1] - mean) ** 2 + b[2] + b[0] * (b[1] - mean) ** 2]


def by_sorting(accuracy, a, b):
    def ascending(column):
        return accuracy[:, column].sort()

    best, rates = ascending(b)
    return accuracy[rates[-1], a] - best[-1], ascending(a).values[-1] - best[-1]


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("standardize", by_loop),
        ("standardize", from_torchvision),
        ("merge", by_totals),
        ("two_gaps", by_sorting),
    ],
)
def test_right_answers_written_otherwise_pass(name, answer, said):
    assert said(name, answer).startswith(f"{name}: correct.")


def in_place(images, train_images):
    mean, std = train_images.mean((0, 2, 3), True), train_images.std((0, 2, 3), correction=0, keepdim=True)
    return images.sub_(mean).div_(std)


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("standardize", lambda images, train_images: images / 0 - nothing, "it stops with NameError"),  # noqa: F821
        ("standardize", in_place, "leave the input as it is"),
        ("standardize", lambda images, train_images: images.mean(), "it should have the shape (5, 3, 4, 3)"),
        ("merge", lambda a, b: a[0] + b[0], "should return 3 things"),
        ("merge", lambda a, b: (a[0] + b[0], a[1], None), "is None"),
        ("merge", lambda a, b: (a[0] + b[0], a[1].mean(), a[2]), "mean is one number"),
        ("standardize", lambda images, train_images: None, "is a `return` missing?"),
        ("standardize", lambda images, train_images: images.round().byte(), "it should be torch.float64"),
        ("standardize", lambda images, train_images: images**2, "the argument train_images is not used"),
        ("two_gaps", lambda accuracy, a, b: accuracy[:, a], "2 things"),
        ("two_gaps", lambda accuracy, a, b: (a, b), "the argument accuracy is not used"),
        ("two_gaps", lambda accuracy, a, b: (accuracy[0, a] * accuracy[1, b], accuracy[0, b]), "no name for"),
    ],
)
def test_other_wrong_answers_are_told_what_is_wrong(name, answer, words, said):
    output = said(name, answer)
    assert output.startswith(f"{name}: not yet.")
    assert words in output


def test_two_mistakes_at_once_are_both_named(said):
    def answer(images, train_images):
        return (images - train_images.mean()) / train_images.std()

    output = said("standardize", answer)
    assert "one mean for all channels" in output
    assert "the unbiased one" in output


def test_no_scaling_of_the_maps_has_two_best_rates():
    for accuracy, *_ in next(e for e in exercises.EXERCISES if e.name == "two_gaps").cases:
        best, second = accuracy.sort(dim=0, descending=True).values[:2]
        assert (best - second).min() > 0.1
