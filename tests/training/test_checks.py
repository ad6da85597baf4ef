"""What would stop a training later, or make it vain, is told before it starts; other sizes are handled."""

import copy
import dataclasses
import itertools

import pytest
import torch
from torch import nn

from helpers.images import datasets, scaling
from helpers.images.batches import Augment, Batches
from helpers.nn import layers, networks, norms
from helpers.training import measures
from helpers.training.execution import Execution
from helpers.training.loop import evaluate, fit, predict
from helpers.training.recipe import Recipe

FLOAT32 = Execution("cpu", "float32", 1)
DIGITS = datasets.load("digits")


def some(train, test=20):
    """The first digits, so many of both kinds."""
    return dataclasses.replace(
        DIGITS, train_images=DIGITS.train_images[:train], train_labels=DIGITS.train_labels[:train],
        test_images=DIGITS.test_images[:test], test_labels=DIGITS.test_labels[:test],
    )  # fmt: skip


def mlp(norm=nn.BatchNorm1d, classes=10):
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), norm(16), nn.ReLU(), nn.Linear(16, classes))


def told(message, model, data, recipe=None):
    """A ValueError with this message from fit, which leaves model and random numbers as they were."""
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    with pytest.raises(ValueError, match=message) as error:
        fit(model, data, recipe or Recipe(epochs=1, batch_size=8), 0, FLOAT32)
    assert list(before) == list(model.state_dict())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    return str(error.value)


class Squeezes(nn.Sequential):
    """Forgets the batch axis where it is 1."""

    def forward(self, x):
        return super().forward(x).squeeze()


class OwnStatistics(nn.Module):
    """Batch statistics in buffers that are assigned anew, as a first batch norm of one's own does it."""

    def __init__(self, features):
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))

    def forward(self, x):
        self.mean = 0.9 * self.mean + 0.1 * x.detach().mean(dim=0)
        if len(x) == 1:
            raise RuntimeError("one image has no spread")
        return (x - x.mean(dim=0)) / x.std(dim=0)


# A last batch of one image

NEEDS_SEVERAL = {
    "torch's batch norm": mlp,
    "the course's batch norm": lambda: mlp(norms.BatchNorm1d),
    "batch norm of images of one pixel": lambda: nn.Sequential(
        nn.Conv2d(1, 10, 8), nn.BatchNorm2d(10), nn.Flatten()
    ),
    "squeeze": lambda: Squeezes(nn.Flatten(), nn.Linear(64, 10)),
    "statistics of one's own": lambda: mlp(OwnStatistics),
    "an Mlp of the course": lambda: networks.build("batch", DIGITS, 0, network="mlp"),
}


@pytest.mark.parametrize(("train", "batch_size"), [(1442, 11), (1, 8), (9, 8), (5, 4), (3, 1)])
@pytest.mark.parametrize("name", NEEDS_SEVERAL)
def test_a_last_batch_of_one_that_a_model_cannot_take_is_told(name, train, batch_size):
    recipe = Recipe(epochs=2, batch_size=batch_size)
    said = told(
        r"train_images of shape .* the last batch is one image", NEEDS_SEVERAL[name](), some(train), recipe
    )
    assert f"({train}, 1, 8, 8) in batches of {batch_size}" in said


@pytest.mark.parametrize(("train", "batch_size"), [(10, 8), (8, 4), (2, 8), (13, 11)])
@pytest.mark.parametrize("name", NEEDS_SEVERAL)
def test_it_is_trained_where_the_last_batch_has_two(name, train, batch_size):
    recipe = Recipe(epochs=2, batch_size=batch_size)
    assert len(fit(NEEDS_SEVERAL[name](), some(train), recipe, 0, FLOAT32).epochs) == 2


TAKES_ONE = {
    "batch norm of larger images": lambda: nn.Sequential(
        nn.Conv2d(1, 10, 3), nn.BatchNorm2d(10), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    ),
    "layer norm": lambda: mlp(nn.LayerNorm),
    "no norm": lambda: mlp(lambda _: nn.Dropout(0.1)),
    "small_cnn": lambda: networks.build("batch", DIGITS, 0, network="small_cnn"),
}


@pytest.mark.parametrize("name", TAKES_ONE)
@pytest.mark.parametrize("batch_size", [8, 1])
def test_a_last_batch_of_one_that_a_model_takes_is_trained(name, batch_size):
    assert (
        fit(TAKES_ONE[name](), some(9), Recipe(epochs=2, batch_size=batch_size), 0, FLOAT32).status == "done"
    )


def test_a_frozen_batch_norm_takes_one_image():
    model = mlp()
    model[2].eval()
    assert fit(model, some(9), Recipe(epochs=2, batch_size=8), 0, FLOAT32).status == "done"


def test_trying_one_image_changes_nothing_of_the_training():
    def made():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(1, 10, 3), nn.BatchNorm2d(10), nn.Dropout(0.5), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )

    def note(model, inputs, _):
        if len(inputs[0]) == 8:  # the two batches before that of one image
            seen.append((model[1].running_mean.clone(), model[0].weight.detach().clone()))

    model, plain, data, seen, by_hand = made(), made(), some(17), [], []
    model.register_forward_hook(note)
    fit(model, data, Recipe(epochs=1, batch_size=8, lr=0.1, schedule="constant"), 5, FLOAT32)

    torch.manual_seed(5)
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    batches = Batches(data.train_images, data.train_labels, data.mean, data.std, 8, seed=5)
    for x, y in itertools.islice(batches, 2):
        loss = nn.functional.cross_entropy(plain(x), y)
        by_hand.append((plain[1].running_mean.clone(), plain[0].weight.detach().clone()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.testing.assert_close(seen, by_hand, rtol=1e-4, atol=1e-5)


def test_a_last_evaluation_batch_of_one_that_a_model_cannot_take_is_told():
    def by_batch(features):
        return nn.BatchNorm1d(features, track_running_stats=False)

    recipe = Recipe(epochs=2, batch_size=8)
    message = r"test_images of shape \(1, 1, 8, 8\) in batches of 1000: the last batch"
    told(message, mlp(by_batch), some(8, 1), recipe)
    more = dataclasses.replace(
        some(8), test_images=DIGITS.train_images[:1001], test_labels=DIGITS.train_labels[:1001]
    )
    told(r"test_images of shape \(1001, 1, 8, 8\)", mlp(by_batch), more, recipe)
    assert fit(mlp(by_batch), some(8, 2), recipe, 0, FLOAT32).status == "done"
    assert fit(mlp(), some(8, 1), recipe, 0, FLOAT32).status == "done"


def ghosts(images):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 10, 8), layers.GhostBatchNorm2d(10, images), nn.Flatten())


@pytest.mark.parametrize(("train", "batch_size"), [(20, 8), (7, 8), (13, 10)])
def test_a_last_batch_without_parts_for_ghost_batch_norm_is_told(train, batch_size):
    last = train % batch_size
    recipe = Recipe(epochs=2, batch_size=batch_size)
    said = told(
        "a batch of .* images? has no parts of 8" if last > 1 else "one image", ghosts(8), some(train), recipe
    )
    assert f"({train}, 1, 8, 8) in batches of {batch_size}" in said
    assert fit(ghosts(2), some(18), Recipe(epochs=2, batch_size=8), 0, FLOAT32).status == "done"


# Other sizes


@pytest.mark.parametrize("corners", ["black", "mean"])
@pytest.mark.parametrize("pad", [0, 1])
@pytest.mark.parametrize("scaled", scaling.SCALINGS)
def test_a_constant_channel_is_trained_with(scaled, corners, pad):
    def coloured(images):
        return torch.cat([images, torch.full_like(images, 77), torch.zeros_like(images)], dim=1)

    train, test = coloured(DIGITS.train_images), coloured(DIGITS.test_images)
    mean, std = datasets.pixel_statistics(train)
    assert std[1:].tolist() == [0, 0]
    data = dataclasses.replace(DIGITS, train_images=train, test_images=test, mean=mean, std=std)
    data = scaling.scaled(data, scaled)
    model = nn.Sequential(
        scaling.PerImage() if scaled == "per_image" else nn.Identity(), nn.Conv2d(3, 10, 8), nn.Flatten()
    )
    recipe = Recipe(epochs=1, batch_size=500, lr=1e-3, augment=Augment(pad, bool(pad), 10.0 * pad, corners))
    run = fit(model, data, recipe, 0, FLOAT32)
    assert run.status == "done"
    assert predict(model, test[:5], data, FLOAT32).isfinite().all()


def test_images_of_one_colour_are_trained_with():
    images = torch.full((6, 1, 8, 8), 9, dtype=torch.uint8)
    mean, std = datasets.pixel_statistics(images)
    data = (
        some(6, train_images=images, mean=mean, std=std)
        if False
        else dataclasses.replace(some(6), train_images=images, mean=mean, std=std)
    )
    assert fit(mlp(nn.LayerNorm), data, Recipe(epochs=2, batch_size=3), 0, FLOAT32).status == "done"


@pytest.mark.parametrize("batch_size", [20, 21, 10_000])
def test_a_batch_size_at_least_as_large_as_the_data_is_one_batch(batch_size):
    losses = [
        fit(mlp(), some(20), Recipe(epochs=2, batch_size=size), 0, FLOAT32).epochs[-1]["test_loss"]
        for size in (20, batch_size)
    ]
    assert losses[0] == losses[1]


@pytest.mark.parametrize(("train", "batch_size"), [(20, 20), (20, 512), (2, 2), (1442, 2000)])
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_one_step_of_one_cycle_is_told_and_two_or_a_constant_rate_move_the_weights(
    train, batch_size, optimizer
):
    recipe = Recipe(epochs=1, batch_size=batch_size, optimizer=optimizer, lr=0.05)
    said = told(r'one step.*"one_cycle".*schedule="constant"', mlp(nn.LayerNorm), some(train), recipe)
    assert f"epochs=1 and batch_size={batch_size} for {train} images" in said
    for changes in ({"schedule": "constant"}, {"epochs": 2}, {"batch_size": train // 2}):
        model = mlp(nn.LayerNorm)
        before = model[1].weight.detach().clone()
        fit(model, some(train), dataclasses.replace(recipe, **changes), 0, FLOAT32)
        assert (model[1].weight - before).abs().max() > 1e-3


# Data


def changed(**changes):
    return dataclasses.replace(some(16), **changes)


IMAGES, LABELS = DIGITS.train_images[:16], DIGITS.train_labels[:16]
BAD_DATA = {
    "no training image": (
        changed(train_images=IMAGES[:0], train_labels=LABELS[:0]), r"train_images .*\(0, 1, 8, 8\)"),
    "no test image": (some(16, 0), r"test_images .*\(0, 1, 8, 8\)"),
    "images without a pixel": (changed(test_images=IMAGES[:, :, :0], test_labels=LABELS), "test_images"),
    "float images": (changed(train_images=IMAGES.float()), r"train_images are torch\.float32"),
    "images without channels": (changed(train_images=IMAGES[:, 0]), r"train_images .*\(16, 8, 8\)"),
    "test images of three channels": (
        changed(test_images=IMAGES.expand(-1, 3, -1, -1), test_labels=LABELS), "as many channels"),
    "a label short": (changed(train_labels=LABELS[:15]), r"\(15,\) for 16 images"),
    "a test label short": (changed(test_labels=LABELS[:15]), r"test_labels .*\(15,\) for 20 images"),
    "labels as a column": (changed(train_labels=LABELS[:, None]), r"\(16, 1\) for 16"),
    "float labels": (changed(train_labels=LABELS.float()), r"train_labels are torch\.float32"),
    "int32 labels": (changed(test_labels=DIGITS.test_labels[:20].int()), r"test_labels are torch\.int32"),
    "labels from 1": (changed(train_labels=LABELS + 1), r"train_labels are from 1 to 10.*10 names.*0 to 9"),
    "a label that cross-entropy ignores": (
        changed(train_labels=LABELS.clone().index_fill(0, torch.tensor([3]), -100)),
        "train_labels are from -100"),
    "a test label too large": (changed(test_labels=DIGITS.test_labels[:20] + 5), "test_labels are from"),
    "fewer names than classes": (changed(class_names=("a", "b")), "class_names has 2 names"),
    "a statistic for three channels": (changed(mean=torch.zeros(3)), r"mean is \[0\.0, 0\.0, 0\.0\]"),
    "a negative std": (changed(std=-torch.ones(1)), r"std \[-1\.0\]"),
    "a mean that is NaN": (changed(mean=torch.tensor([torch.nan])), "mean is .nan"),
    "an infinite std": (changed(std=torch.tensor([torch.inf])), "std .inf"),
    "one number for all channels": (changed(mean=torch.tensor(0.5)), "mean is 0.5"),
    "images of NumPy": (changed(train_images=IMAGES.numpy()), "train_images .* ndarray; torch.as_tensor"),
    "a list of labels": (changed(train_labels=LABELS.tolist()), "train_labels .* list; torch.as_tensor"),
    "no test labels": (changed(test_labels=None), "test_labels are of type NoneType"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_DATA)
def test_bad_data_are_told_before_the_first_step(name):
    data, message = BAD_DATA[name]
    told(message, mlp(), data)


@pytest.mark.parametrize(
    "given", [torch.Tensor.double, torch.Tensor.tolist, torch.Tensor.numpy, torch.Tensor.requires_grad_]
)
def test_statistics_of_the_pixels_may_be_of_any_type(given):
    """As NumPy and pandas compute them. Two epochs: none keeps the graph of the one before."""
    recipe = Recipe(epochs=2, batch_size=8)
    data = dataclasses.replace(some(16), mean=given(DIGITS.mean.clone()), std=given(DIGITS.std.clone()))
    runs = [fit(mlp(), each, recipe, 0, FLOAT32) for each in (data, some(16))]
    assert runs[0].epochs[-1]["test_loss"] == runs[1].epochs[-1]["test_loss"]


@pytest.mark.parametrize("seed", [None, "0", 1.0, True, 2**64, -(2**64)])
def test_a_seed_that_is_no_whole_number_is_told(seed):
    model = mlp()
    with pytest.raises(ValueError, match=f"seed is {seed!r}; give a whole number"):
        fit(model, some(16), Recipe(epochs=1, batch_size=8), seed, FLOAT32)


@pytest.mark.parametrize("seed", [0, -1, 2**63])
def test_a_seed_of_any_size_is_taken(seed):
    assert fit(mlp(), some(16), Recipe(epochs=1, batch_size=8), seed, FLOAT32).status == "done"


@pytest.mark.parametrize(
    "settings", [("tpu", "float32", 1), ("cpu", "float16", 1), ("cpu", "float32", 0), ("cpu", "float32", "1")]
)
def test_an_execution_that_does_not_exist_is_told(settings):
    """float16 was recorded, and float32 computed."""
    with pytest.raises(
        ValueError, match="choose device from cpu, cuda, precision from float32, bfloat16, at"
    ):
        Execution(*settings)


@pytest.mark.parametrize("measure", ["evaluate", *measures.MEASURES])
@pytest.mark.parametrize(
    "name", ["no test image", "a test label too large", "int32 labels", "a test label short"]
)
def test_bad_test_data_are_told_by_an_evaluation(name, measure):
    data, message = BAD_DATA[name]
    uses = {"evaluate": evaluate} | measures.MEASURES
    if measure in ("train", "sparsity"):  # which look at no test image
        uses[measure](mlp(), data, FLOAT32)
    else:
        with pytest.raises(ValueError, match=message):
            uses[measure](mlp(), data, FLOAT32)


def test_predict_of_no_image_is_told():
    with pytest.raises(ValueError, match=r"\(0, 1, 8, 8\): no pixel; give at least one image"):
        predict(mlp(), IMAGES[:0], DIGITS, FLOAT32)
    assert predict(mlp(), IMAGES[:1], DIGITS, FLOAT32).shape == (1, 10)


def test_statistics_of_no_image_are_told():
    empty = changed(train_images=IMAGES[:0], train_labels=LABELS[:0])
    for call in (lambda: datasets.pixel_statistics(IMAGES[:0]), lambda: scaling.scaled(empty, "equalized")):
        with pytest.raises(ValueError, match="give at least one image"):
            call()


# Models


def all_frozen():
    return mlp().requires_grad_(False)


def expanded():
    """A fused step writes each element where all of them lie: it crashed the process."""
    model = mlp(nn.LayerNorm)
    model[1].weight = nn.Parameter(torch.randn(1, 64).expand(16, 64))
    return model


class Complex(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features, dtype=torch.complex64))

    def forward(self, x):
        return (x * self.weight).abs()


def frozen_but_unused():
    model = mlp(nn.LayerNorm).requires_grad_(False)
    model[4].register_module("unused", nn.Linear(2, 2))
    return model


class Gives(nn.Module):
    """A network whose forward gives something else than logits."""

    def __init__(self, change):
        super().__init__()
        self.inner, self.change = mlp(nn.LayerNorm), change

    def forward(self, x):
        return self.change(self.inner(x))


OTHER_OUTPUTS = {
    "a tuple, as with auxiliary logits": (lambda y: (y, y), "of type tuple"),
    "a list": (lambda y: [y], "of type list"),
    "a dictionary": (lambda y: {"logits": y}, "of type dict"),
    "nothing": (lambda y: None, "of type NoneType"),
    "a number": (lambda y: 0.0, "of type float"),
    "an array": (lambda y: y.detach().numpy(), "of type ndarray"),
    "classes": (lambda y: y.argmax(1), r"torch.int64 \(\d+,\)"),
    "yes or no": (lambda y: y > 0, "torch.bool"),
    "complex numbers": (lambda y: torch.complex(y, y), "torch.complex64"),
    "a loss": (lambda y: y.sum(), r"torch.float32 \(\)"),
    "an image too few": (lambda y: y[1:], "torch.float32"),
}


@pytest.mark.parametrize("name", OTHER_OUTPUTS)
def test_an_output_that_is_not_a_tensor_of_logits_is_told_with_what_it_is(name):
    change, found = OTHER_OUTPUTS[name]
    message = rf"the model's output for \d+ images is {found}.*have its forward return that alone"
    told(message, Gives(change), some(16))
    for use in (lambda m: evaluate(m, some(16), FLOAT32), lambda m: predict(m, IMAGES, some(16), FLOAT32)):
        with pytest.raises(ValueError, match=message):
            use(Gives(change))


BAD_MODELS = {
    "without parameters": (lambda: nn.Flatten(), "no parameter that can be trained"),
    "all frozen": (all_frozen, r"no parameter that can be trained.*requires_grad_\(\)"),
    "trainable, but not used": (frozen_but_unused, "depends on no parameter that can be trained"),
    "lazy": (lambda: mlp(lambda _: nn.LazyLinear(16)), r"lazy parameters.*2\.weight, 2\.bias"),
    "an expanded weight": (expanded, r"parameter 1\.weight has elements that share their memory"),
    "a complex weight": (lambda: mlp(Complex), r"2\.weight is torch\.complex64: make it .* of real"),
    "too few classes": (lambda: mlp(nn.LayerNorm, 9), r"\(8, 9\); wanted .*\(8, 10\).*labels go up to 9"),
    "one logit": (lambda: mlp(nn.LayerNorm, 1), r"\(8, 1\)"),
    "a map of logits": (lambda: nn.Conv2d(1, 10, 3), r"\(8, 10, 6, 6\)"),
    "the batch flattened": (lambda: nn.Sequential(mlp(nn.LayerNorm), nn.Flatten(0)), r"\(80,\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_MODELS)
def test_models_that_cannot_be_trained_are_told_before_the_first_step(name):
    make, message = BAD_MODELS[name]
    model = make()
    if name == "lazy":
        with pytest.raises(ValueError, match=message):
            fit(model, some(16), Recipe(epochs=1, batch_size=8), 0, FLOAT32)
    else:
        told(message, model, some(16))


def test_a_class_that_only_test_images_have_is_told_before_the_first_step():
    small = LABELS < 5
    data = changed(train_images=IMAGES[small], train_labels=LABELS[small])
    assert data.test_labels.max() == 9
    told(r"labels go up to 9", mlp(nn.LayerNorm, 5), data)
    assert fit(mlp(nn.LayerNorm), data, Recipe(epochs=2, batch_size=4), 0, FLOAT32).status == "done"


def test_test_images_of_another_size_are_told_unless_the_model_takes_them():
    larger = torch.nn.functional.pad(DIGITS.test_images[:20], (2, 2, 2, 2))
    data = changed(test_images=larger)
    said = told(
        r"test_images of shape \(20, 1, 12, 12\).*training images are \(1, 8, 8\)", mlp(nn.LayerNorm), data
    )
    assert "mat1 and mat2" in said
    pooled = TAKES_ONE["batch norm of larger images"]()
    assert fit(pooled, data, Recipe(epochs=2, batch_size=8), 0, FLOAT32).status == "done"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 2.0}, "epochs=2.0"),
        ({"epochs": True}, "epochs=True"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"batch_size": 64.0}, "whole numbers"),
        ({"lr": float("nan")}, "lr=nan"),
        ({"lr": float("inf")}, "all are finite"),
        ({"weight_decay": float("nan")}, "weight_decay=nan"),
        ({"l1": float("inf")}, "l1=inf"),
        ({"momentum": 1.0}, "momentum=1.0.*below 1"),
        ({"momentum": 1.0, "l1": 0.1, "l1_step": "proximal"}, "momentum=1.0"),
        ({"momentum": -0.1}, "momentum=-0.1"),
        ({"label_smoothing": 1.5}, "label_smoothing=1.5"),
        ({"label_smoothing": -0.1}, "label_smoothing=-0.1"),
        ({"label_smoothing": float("nan")}, "label_smoothing=nan"),
        ({"lr": "0.1"}, "lr='0.1'.*plain numbers"),
        ({"lr": None}, "lr=None"),
        ({"lr": True}, "lr=True"),
        ({"lr": torch.tensor(0.1)}, "lr=tensor"),
        ({"l1": None}, "l1=None"),
        ({"momentum": "a"}, "momentum='a'"),
        ({"weight_decay": None}, "weight_decay=None"),
        ({"label_smoothing": None}, "label_smoothing=None"),
        ({"augment": True}, "augment=True; give an Augment"),
        ({"augment": None}, "augment=None"),
    ],
)
def test_recipes_that_would_fail_at_a_step_are_told(changes, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        *({"pad": value} for value in (1.5, "1", None, True)),
        *({"rotation": value} for value in ("10", None, float("nan"))),
        *({"flip": value} for value in ("yes", None, 2)),
    ],
)
def test_augmentations_that_would_fail_at_a_step_or_do_nothing_are_told(changes):
    [(name, value)] = changes.items()
    with pytest.raises(ValueError, match=f"{name}={value!r}.*flip True or False"):
        Augment(**changes)
