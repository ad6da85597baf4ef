"""Exercises of lesson 15: the cost of a separable convolution, flips that alternate, a result reported."""

import torch
from torch import Tensor

from helpers.lessons.calling import Watched, copied
from helpers.lessons.comparing import Seen
from helpers.lessons.diagnosis import Exercise, Mistaken, Mistakes, returned_as


def separable_cost(inputs, outputs, kernel, height, width):
    depthwise = inputs * kernel**2  # a filter of its own for each input
    pointwise = inputs * outputs  # 1 x 1
    parameters = depthwise + pointwise
    return parameters, parameters * height * width


def flipped(first, epoch):
    return ~first if epoch % 2 == 1 else first


def reported(held_out, test):
    means = {name: sum(values) / len(values) for name, values in held_out.items()}
    best = max(means, key=means.get)
    return best, sum(test[best]) / len(test[best])


_DEPTHWISE = {
    "inputs * outputs * kernel**2": (
        "the depthwise part is that of a full convolution: it has one filter for each input, whatever "
        "outputs is"
    ),
    "outputs * kernel**2": "the depthwise filters are counted for the outputs: there is one for each input",
    "(inputs + outputs) * kernel**2": "the depthwise part has no filter for the outputs, only for the inputs",
    "inputs**2 * kernel**2": "each depthwise filter reads one input, not all of them: inputs * kernel ** 2",
    "inputs * kernel": "a depthwise filter has kernel * kernel weights, not kernel",
    "inputs * 2 * kernel": "a depthwise filter has kernel * kernel weights, not 2 * kernel",
    "kernel**2": "one depthwise filter is counted: each input has one of its own",
    "inputs": "the depthwise filters are counted with one weight each: they have kernel * kernel",
    "inputs * (kernel**2 + 1)": "a bias is counted for each depthwise filter: there are none here",
}
_POINTWISE = {
    "inputs * outputs * kernel**2": "the pointwise part has a kernel of 1 x 1: no factor kernel ** 2",
    "inputs * outputs * kernel": "the pointwise part has a kernel of 1 x 1: no factor kernel",
    "(inputs + outputs)": "the pointwise part has a weight for each pair of input and output: multiply them",
    "outputs": "the pointwise part has one weight for each output: each output reads all inputs",
    "inputs": "the pointwise part has one weight for each input: each output has its own",
    "outputs**2": "the pointwise part is counted from outputs to outputs: it reads the inputs",
    "inputs**2": "the pointwise part is counted from inputs to inputs: it gives the outputs",
    "(inputs + 1) * outputs": "a bias is counted for each output: there are none here",
}
_WEIGHTS = {
    "inputs * outputs * kernel**2": "that is the cost of a full convolution, not of the two parts",
    "depthwise * pointwise": "the two parts are multiplied: one comes after the other, so add them",
    "pointwise": "the depthwise part is forgotten",
    "depthwise": "the pointwise part is forgotten",
    "inputs * (kernel**2 + 1) + (inputs + 1) * outputs": "biases are counted: there are none here",
}
_PARTS = {  # wrong weights in both parts together -> the words
    **{f"({wrong} + pointwise)": words for wrong, words in _DEPTHWISE.items()},
    **{f"(depthwise + {wrong})": words for wrong, words in _POINTWISE.items()},
    **{f"({wrong})": words for wrong, words in _WEIGHTS.items()},
}

COST: Mistakes = {
    "return parameters, parameters * height * width": {
        "return parameters * height * width, parameters": (
            "the two are swapped: first the parameters, then the multiply-adds"
        ),
        "return depthwise, pointwise": (
            "these are the weights of the depthwise and the pointwise part: return all parameters, and all "
            "multiply-adds"
        ),
    },
    "inputs * kernel**2": _DEPTHWISE,
    "inputs * outputs": _POINTWISE,
    "depthwise + pointwise": _WEIGHTS,
    "parameters * height * width": {
        "parameters": "multiply_adds: each weight is used at each pixel, height * width times",
        "height * width": "multiply_adds: these are the pixels: at each of them each weight is used",
        "parameters * height * height": "multiply_adds: height stands there twice, and width is missing",
        "parameters * width * width": "multiply_adds: width stands there twice, and height is missing",
        "parameters * height": "multiply_adds: the width is missing: there are height * width pixels",
        "parameters * width": "multiply_adds: the height is missing: there are height * width pixels",
        "parameters * (height + width)": "multiply_adds: there are height * width pixels, not height + width",
        "2 * parameters * height * width": (
            "multiply_adds: a multiplication and its addition are counted as two: they are one multiply-add"
        ),
        "((2 * kernel**2 - 1) * inputs + (2 * inputs - 1) * outputs) * height * width": (
            "multiply_adds: multiplications and additions are counted apart: one multiply-add has both"
        ),
        "parameters * (height - kernel + 1) * (width - kernel + 1)": (
            "multiply_adds: the border is left out: the output has the same size, height * width pixels"
        ),
        "(depthwise * height * width + pointwise)": (
            "multiply_adds: the pointwise part is counted at one pixel: it is used at all of them"
        ),
        "(depthwise + pointwise * height * width)": (
            "multiply_adds: the depthwise part is counted at one pixel: it is used at all of them"
        ),
        "parameters * kernel**2 * height * width": (
            "multiply_adds: kernel ** 2 is counted twice: the weights have it already"
        ),
        "parameters * inputs * height * width": (
            "multiply_adds: the inputs are counted twice: the weights have them already"
        ),
        "parameters * outputs * height * width": (
            "multiply_adds: the outputs are counted twice: the weights have them already"
        ),
        **{f"{wrong} * height * width": f"multiply_adds: {words}" for wrong, words in _PARTS.items()},
    },
    "return parameters,": {
        "return parameters * height * width,": (
            "parameters: the pixels do not count: the same weights are used at every pixel"
        ),
        "return parameters + outputs,": "parameters: a bias is counted for each output: there are none here",
        "return parameters + 2 * (inputs + outputs),": (
            "parameters: norms are counted: here there are the two convolutions only"
        ),
        "return parameters + 2 * outputs,": (
            "parameters: a norm is counted: here there are the two convolutions only"
        ),
        **{
            f"return {wrong},": f"parameters: {words}"
            for wrong, words in _PARTS.items()
            if wrong != "(depthwise + (inputs + 1) * outputs)"  # as above
        },
    },
}

FLIPPED: Mistakes = {
    "epoch % 2 == 1": {
        "epoch % 2 == 0": "it starts with ~first: epoch counts from 0, and first is for epoch 0",
        "epoch > 0": "the images change over once, after epoch 0, and stay so: they do it after every epoch",
        "epoch == 1": "only epoch 1 is different: the images change over after every epoch",
        "epoch % 3 == 1": "only every third epoch is different: the images change over after every epoch",
        "epoch % 3 > 0": "every third epoch is as first: the images change over after every epoch",
        "epoch // 2 % 2 == 1": "the images change over after every second epoch: do it after every one",
        "(epoch + 1) // 2 % 2 == 1": "the images change over after every second epoch: do it after every one",
    },
    "~first if epoch % 2 == 1 else first": {
        "first": "nothing changes: it is first in every epoch",
        "~first": "it is ~first in every epoch: in even epochs it should be first",
        "torch.full_like(first, epoch % 2 == 1)": (
            "all images are in step, mirrored in odd epochs: first says for each where it starts"
        ),
        "torch.full_like(first, epoch % 2 == 0)": (
            "all images are in step, mirrored in even epochs: first says for each where it starts"
        ),
        "first & (epoch % 2 == 1)": (
            "in even epochs no image is mirrored: those outside first should be in odd epochs, those in "
            "first in even ones (& gives True only where both are)"
        ),
        "first & (epoch % 2 == 0)": (
            "in odd epochs no image is mirrored: those outside first should be, ~first"
        ),
        "first | (epoch % 2 == 1)": (
            "in odd epochs all images are mirrored: those in first should not be (| gives True where either "
            "is)"
        ),
        "first | (epoch % 2 == 0)": "in even epochs all images are mirrored: it should be first",
        "~first & (epoch % 2 == 1)": "in even epochs no image is mirrored: it should be first",
        "~first | (epoch % 2 == 0)": "in even epochs all images are mirrored: it should be first",
        "first.flip(0) if epoch % 2 == 1 else first": (
            "flip(0) turns the order of the images round: the opposite of True and False is ~first"
        ),
        "first.roll(epoch)": "roll moves the order of the images: the opposite of True and False is ~first",
        "(torch.arange(len(first)) + epoch) % 2 == 1": (
            "every second image is mirrored, by its number: first says which ones are in epoch 0"
        ),
        "(torch.arange(len(first)) + epoch) % 2 == 0": (
            "every second image is mirrored, by its number: first says which ones are in epoch 0"
        ),
        "torch.rand(len(first), generator=torch.Generator().manual_seed(epoch)) < 0.5": (
            "drawn anew in each epoch: some images would be mirrored twice in a row; first is drawn, once"
        ),
        "first != epoch": (
            "from epoch 2 on all images are mirrored, as neither True nor False equals epoch: compare with "
            "epoch % 2"
        ),
        "first == epoch": (
            "from epoch 2 on no image is mirrored, as neither True nor False equals epoch: compare with "
            "epoch % 2, and by !="
        ),
        "torch.zeros_like(first)": "no image is ever mirrored: in even epochs it should be first",
        "torch.ones_like(first)": "every image is always mirrored: in even epochs it should be first",
    },
}

_MEDIAN = "(sorted({0})[(len({0}) - 1) // 2] + sorted({0})[len({0}) // 2]) / 2"
_VARIANCE = "sum((value - sum(values) / len(values)) ** 2 for value in values)"

REPORTED: Mistakes = {
    "held_out.items()": {
        "test.items()": (
            "the design is chosen by its test accuracy, which then is too high: held-out images choose"
        ),
    },
    "sum(values) / len(values)": {
        "max(values)": "the design is chosen by its best seed: take the mean over the seeds",
        "min(values)": "the design is chosen by its worst seed: take the mean over the seeds",
        "values[0]": "the design is chosen by its first seed: take the mean over the seeds",
        "values[-1]": "the design is chosen by its last seed: take the mean over the seeds",
        _MEDIAN.format("values"): "the design is chosen by the median of seeds: take the mean",
        "sorted(values)[(len(values) - 1) // 2]": (
            "the design is chosen by the median of seeds: take the mean"
        ),
        "sorted(values)[len(values) // 2]": "the design is chosen by the median of seeds: take the mean",
        f"-{_VARIANCE} / len(values)": "the design is chosen by its spread: take the largest mean",
        f"-{_VARIANCE} / (len(values) - 1)": "the design is chosen by its spread: take the largest mean",
        "sum(values)": (
            "the design is chosen by the sum over its seeds: more seeds are no better, take the mean"
        ),
        "len(values)": "the design is chosen by its number of seeds: take the mean of their accuracies",
        "sum(values + test[name]) / len(values + test[name])": (
            "the choice sees the test images as well: only the held-out images may choose"
        ),
        "sum(values) / len(values) + sum(test[name]) / len(test[name])": (
            "the choice sees the test images as well: only the held-out images may choose"
        ),
        "sum(values) / len(values) - sum(test[name]) / len(test[name])": (
            "the choice sees the test images as well: only the held-out images may choose"
        ),
        "-abs(sum(values) / len(values) - sum(test[name]) / len(test[name]))": (
            "the choice sees the test images as well: only the held-out images may choose"
        ),
    },
    "max(means, key=means.get)": {
        "min(means, key=means.get)": "the worst design is chosen: take the largest mean",
        "next(iter(means))": "the first design is chosen, whatever its accuracies",
        "list(means)[-1]": "the last design is chosen, whatever its accuracies",
        "list(test)[list(means).index(max(means, key=means.get))]": (
            "the two dicts are matched by position: test may have another order, take names"
        ),
        "max(means)": "the name decides, the last one in the alphabet: compare the means, key=means.get",
        "min(means)": "the name decides, the first one in the alphabet: compare the means, key=means.get",
    },
    "sum(test[best]) / len(test[best])": {
        "sum(held_out[best]) / len(held_out[best])": (
            "the accuracy is that of the held-out images, which has chosen and so is too high: report the "
            "test images'"
        ),
        "max(test[best])": "the accuracy is that of its best test seed: report the mean over the seeds",
        "min(test[best])": "the accuracy is that of its worst test seed: report the mean over the seeds",
        "test[best][0]": "the accuracy is that of its first seed: report the mean over the seeds",
        "test[best][-1]": "the accuracy is that of its last seed: report the mean over the seeds",
        "test[best][held_out[best].index(max(held_out[best]))]": (
            "the accuracy is that of the seed best on held-out images: report the mean over the seeds"
        ),
        _MEDIAN.format("test[best]"): "the accuracy is the median of its seeds: report their mean",
        "sorted(test[best])[(len(test[best]) - 1) // 2]": (
            "the accuracy is the median of its seeds: report their mean"
        ),
        "sorted(test[best])[len(test[best]) // 2]": (
            "the accuracy is the median of its seeds: report their mean"
        ),
        "sum(test[best])": "the accuracies of its seeds are added: divide by their number",
        "sum(test[best]) / len(held_out[best])": (
            "divided by the number of seeds on held-out images: divide by that of the test accuracies"
        ),
        "sum(test[best]) / len(test)": "divided by the number of designs: divide by that of the seeds",
        "max(sum(v) / len(v) for v in test.values())": (
            "the accuracy is the largest test mean of all designs: report that of the chosen one"
        ),
        "max(max(v) for v in test.values())": (
            "the accuracy is the best of all runs: report the mean of the chosen design"
        ),
        "sum(sum(v) / len(v) for v in test.values()) / len(test)": (
            "the accuracy is a mean over all designs: report that of the chosen one"
        ),
        "sum(sum(v) for v in test.values()) / sum(len(v) for v in test.values())": (
            "the accuracy is a mean over the runs of all designs: report that of the chosen one"
        ),
        "sum(held_out[best] + test[best]) / len(held_out[best] + test[best])": (
            "held-out and test accuracies are averaged together: report the test images' alone"
        ),
    },
    "return best, sum(test[best]) / len(test[best])": {
        "return best, list(map(lambda v: sum(v) / len(v), test.values()))[list(means).index(best)]": (
            "the two dicts are matched by position: test may have another order, take names"
        ),
    },
}


_ASKED = 8  # times more: one chance for all images agrees with itself so often in 1 of 256 trials


def _mirrored(answer: Watched, first: Tensor, epoch: int) -> Seen:
    """Which images are mirrored, asked several times: the same epoch has one answer."""
    others = [answer(copied(first), epoch) for _ in range(_ASKED)]
    result = answer(first, epoch)
    if isinstance(result, Tensor) and not all(
        isinstance(other, Tensor) and torch.equal(result, other) for other in others
    ):
        raise Mistaken(
            "asked again for the same epoch, it gives different images: something in it is drawn anew by "
            "chance, or kept from the call before; all that is drawn is first"
        )
    places = (torch.int64, torch.int32)
    if isinstance(result, Tensor) and result.dtype in places and result.shape != first.shape:
        raise Mistaken("it returns the numbers of the images: return True or False for each image, (N,)")
    return {"the result": result}


def _first(*mirrored: int) -> Tensor:
    return torch.tensor(mirrored, dtype=torch.bool)


_SEVEN, _FIVE = _first(1, 1, 0, 1, 0, 0, 0), _first(0, 1, 1, 1, 0)

EXERCISES = [
    Exercise(
        separable_cost,
        cases=[(4, 6, 3, 5, 7), (6, 4, 5, 8, 6), (10, 7, 3, 9, 4), (2, 9, 5, 5, 11)],
        mistakes=COST,
        look=returned_as("parameters", "multiply_adds"),
        hints=(
            "A full convolution filters each input anew for each output. What is left to count if each "
            "input is filtered once?",
            "Depthwise: one filter of kernel x kernel weights for each input. Pointwise: a full "
            "convolution with a kernel of 1 x 1. At how many pixels is each weight used?",
            "The parameters are the weights of both parts added. At each of the height * width pixels each "
            "weight makes one multiply-add.",
        ),
        praise="A full convolution times (1 / outputs + 1 / kernel ** 2), in both numbers.",
    ),
    Exercise(
        flipped,
        cases=[
            (_SEVEN, 0),
            (_SEVEN, 1),
            (_FIVE, 2),
            (_FIVE, 3),
            (_first(1, 0, 0, 1, 0, 1, 1, 1, 0), 4),
            (_first(0, 0, 1, 0, 1, 1), 9),
        ],
        mistakes=FLIPPED,
        look=_mirrored,
        hints=(
            "An image is mirrored in epoch 0. In which of the next epochs is it mirrored? And one that is "
            "not?",
            "Whether epoch is even or odd is all that has to be known of it: epoch % 2.",
            "In even epochs it is first, in odd ones the opposite of first for every image, ~first.",
        ),
        praise="In any two epochs that follow each other every image is seen both ways.",
    ),
    Exercise(
        reported,
        cases=[
            (
                {"plain": [71.7, 70.2], "wide": [71.6, 71.3]},
                {"wide": [67.9, 67.9, 67.6], "plain": [73.7, 73.5, 72.5]},
            ),
            (
                {"gates": [68.4, 71.4, 67.9], "wide": [70.3, 70.6, 70.5], "plain": [69.8, 70.5, 71.8]},
                {
                    "wide": [69.4, 68.4, 68.2],
                    "gates": [71.5, 72.5, 70.6, 73.1],
                    "plain": [72.7, 67.9, 70.9, 72.7],
                },
            ),
            (
                {"wide": [72.6, 72.7], "plain": [73.6, 73.7, 72.9, 68.5], "gates": [70.4, 71.1, 72.1]},
                {
                    "gates": [69.0, 70.0, 71.1],
                    "plain": [72.9, 71.7, 71.3, 67.7, 72.0],
                    "wide": [74.0, 70.2, 74.0],
                },
            ),
            (
                {"wide": [70.3, 69.4, 68.3], "gates": [70.9, 72.5, 68.3, 72.3, 72.0], "plain": [69.4, 72.5]},
                {
                    "plain": [71.6, 70.8],
                    "wide": [73.9, 68.6, 67.1, 67.2],
                    "gates": [68.8, 68.3, 73.2, 67.6, 70.5],
                },
            ),
            (
                {
                    "gates": [70.5, 68.8, 69.5, 72.5],
                    "plain": [73.8, 69.8, 69.9],
                    "wide": [67.3, 71.4, 70.2, 68.3],
                },
                {
                    "plain": [72.1, 68.5, 68.3, 69.3, 68.5],
                    "gates": [67.4, 69.2, 69.6, 73.0],
                    "wide": [71.4, 67.2, 69.4, 67.6],
                },
            ),
        ],
        mistakes=REPORTED,
        look=returned_as("the name", "the accuracy"),
        hints=(
            "Which images may be looked at while the choice is open, and which only after it?",
            "The choice: each design's mean over its seeds on held-out images. One lucky seed is no design.",
            "The name with the largest of these means; then the mean over the seeds of test[name], for this "
            "one name.",
        ),
        praise="Held-out images choose; test images report.",
    ),
]
