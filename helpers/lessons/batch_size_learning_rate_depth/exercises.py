"""Exercises of lesson 09: noise of a batch mean, crossing point, train-test gap."""

import math  # noqa: F401  (mistakes are edits that use it)

from helpers.lessons.diagnosis import Exercise, Mistakes


def noise_of_the_mean(std, images, pixels, rho):
    own = pixels * std**2  # the variances of the values of an image
    shared = pixels * (pixels - 1) * rho * std**2  # the covariances of its pairs, each pair twice
    return ((own + shared) / images) ** 0.5 / pixels


def _by_formula(std, images, pixels, rho):
    return std * ((1 + (pixels - 1) * rho) / (images * pixels)) ** 0.5


def crossing_point(sizes, differences):
    for i in range(1, len(sizes)):
        below, above = differences[i - 1], differences[i]
        if below < 0 <= above:
            share = below / (below - above)  # of the way from one size to the next, in logarithms
            return sizes[i - 1] * (sizes[i] / sizes[i - 1]) ** share
    return None


def train_test_gap(train_right, train_all, test_right, test_all):
    train, test = 100 * train_right / train_all, 100 * test_right / test_all
    return train - test


NOISE: Mistakes = {
    "pixels * (pixels - 1) * rho": {
        "pixels * (pixels - 1) / 2 * rho": (
            "each pair of pixels counts once: in the variance of a sum every covariance stands twice, a with "
            "b and b with a"
        ),
        "pixels**2 * rho": "a pixel is paired with itself here: it has pixels - 1 others",
        "(pixels - 1) * rho": "the covariances of one pixel with the others: each of the pixels has as many",
        "pixels * (pixels - 2) * rho": (
            "the variance of a value counts as 1 - rho of it here: it is std ** 2 as a whole, and each "
            "pixel has pixels - 1 others"
        ),
        "pixels * (images - 1) * rho": (
            "images and pixels are exchanged: it is the pixels of one image that are correlated, pixels - 1 "
            "others"
        ),
        "pixels * rho": "each pixel has one partner here: it has pixels - 1",
        "0.0 * rho": "rho makes no difference: the covariances of pixels of one image are left out",
        "pixels * (images * pixels - 1) * rho": (
            "pixels of different images are taken as correlated: they are independent"
        ),
        "images * pixels * (pixels - 1) * rho": (
            "the covariances are multiplied by the number of images once more: they shrink with it as the "
            "variances do"
        ),
    },
    "rho * std**2": {
        "rho": "a correlation is used as a covariance: multiply it by std ** 2",
        "rho * std": "a covariance is rho * std ** 2, as std is that of both values",
        "rho**2 * std**2": "rho is squared: a covariance is rho * std ** 2",
    },
    "own = pixels * std**2": {
        "own = pixels * std": "the variance is std ** 2",
        "own = std**2": "the variance of one pixel: an image has `pixels` of them",
    },
    "** 0.5 / pixels": {
        "/ pixels**2": "this is the variance of the mean: its square root is asked for",
        "** 0.5": "this is the noise of a sum over the pixels: divide by their number",
        "** 0.5 / pixels**0.5": (
            "divided by the square root of the number of pixels: a mean is the sum divided by their number"
        ),
        "** 0.5 / pixels**2": "divided by pixels ** 2 after the root: there it is pixels",
    },
    "return ((own + shared) / images) ** 0.5 / pixels": {
        "return (own + shared) ** 0.5 / pixels": "the number of images makes no difference here",
        "return ((own + shared) * images) ** 0.5 / pixels": (
            "this is the noise of a sum over the images: the mean's falls with their number"
        ),
        "return (own + shared) ** 0.5 / images / pixels": (
            "the noise falls with the square root of the number of images, not with the number: variances "
            "of independent values add up"
        ),
        "return std / images**0.5": "neither pixels nor rho makes a difference: that is the case rho = 1",
        "return std * (rho / images) ** 0.5": "this is the limit for very many pixels",
        "return std * ((1 - rho) / (images * pixels)) ** 0.5": (
            "the sign of rho is wrong: values that are alike make the mean noisier"
        ),
        "return std * (abs(1 - (pixels - 1) * rho) / (images * pixels)) ** 0.5": (
            "the sign of rho is wrong, 1 + (pixels - 1) rho: values that are alike make the mean noisier"
        ),
        "return (1 - rho) * std / (images * pixels) ** 0.5 + rho * std / images**0.5": (
            "the two ends, rho = 0 and rho = 1, are right; between them it is the variances that mix, not "
            "the standard deviations"
        ),
        "return std / images**0.5 if rho == 1 else std / (images * pixels) ** 0.5": (
            "the two ends, rho = 0 and rho = 1, are right; between them each pair of pixels adds a covariance"
        ),
        "return std / max(int(images * pixels / (1 + (pixels - 1) * rho)), 1) ** 0.5": (
            "the number of independent values is rounded down (int, //): it need not be whole"
        ),
        "return std / max(round(images * pixels / (1 + (pixels - 1) * rho)), 1) ** 0.5": (
            "the number of independent values is rounded: it need not be whole"
        ),
    },
}

_LINE = (
    "    x = [math.log2(size) for size in sizes]\n"
    "    mx, md = sum(x) / len(x), sum(differences) / len(x)\n"
    "    slope = sum((u - mx) * (d - md) for u, d in zip(x, differences)) / sum((u - mx) ** 2 for u in x)\n"
    "    return 2 ** (mx - md / slope)\n"
)
CROSSING: Mistakes = {
    "sizes[i - 1] * (sizes[i] / sizes[i - 1]) ** share": {
        "sizes[i - 1] + share * (sizes[i] - sizes[i - 1])": (
            "the straight line is drawn over the batch size itself: draw it over its logarithm"
        ),
        "math.log2(sizes[i - 1]) + share * math.log2(sizes[i] / sizes[i - 1])": (
            "this is the logarithm of the batch size: raise 2 to it"
        ),
        "math.exp(math.log2(sizes[i - 1]) + share * math.log2(sizes[i] / sizes[i - 1]))": (
            "e is raised to a logarithm of base 2: raise 2 to it, or take the natural logarithm"
        ),
        "i - 1 + share": "this is the place in the list: the batch size there is asked for",
        "2 ** (math.log(sizes[i - 1]) + share * math.log(sizes[i] / sizes[i - 1]))": (
            "2 is raised to a natural logarithm: take log2, or raise e (exp)"
        ),
    },
    "below / (below - above)": {
        "0.0": "this is the last batch size before the crossing: interpolate between it and the next",
        "1.0": "this is the first batch size after the crossing: interpolate between it and the one before",
        "0.5": "this is the middle of the two sizes: the larger difference is farther from the crossing",
        "math.log1p(-below) / (math.log1p(-below) + math.log1p(above))": (
            "the logarithm is that of the batch sizes only: the differences stay as they are on the line"
        ),
        "above / (above - below)": (
            "the two differences are swapped: the crossing lies nearer to the one that is nearer to 0"
        ),
    },
    "below < 0 <= above": {
        "below < 0 <= above or above < 0 <= below": (
            "a crossing from above counts here as well: it must rise from below 0"
        ),
        "below * above < 0": (
            "a crossing from above counts here as well, and one that ends at exactly 0 does not: below < 0 "
            "<= above"
        ),
        "above < 0 <= below": "this is where the difference falls through 0: it should rise",
        "above <= 0 < below": "this is where the difference falls through 0: it should rise",
        "below < 0 < above": "a difference of exactly 0 has risen to 0: >= 0, not > 0",
        "below <= 0 < above": "a difference of exactly 0 is not below 0: below < 0 <= above",
        "above >= 0": "the difference need not have been below 0 before: it must rise from below 0",
    },
    "range(1, len(sizes))": {
        "reversed(range(1, len(sizes)))": "this is the last crossing: the first is asked for",
        "range(1, len(sizes) - 1)": "the last pair of neighbours is not looked at: the range ends too early",
        "range(1, 2)": "only the first pair is looked at: a `return` stands inside the loop for all cases",
    },
    "return None": {
        "return 0": "differences that never rise through 0 have no crossing point: return None, not 0",
        "return -1": "differences that never rise through 0 have no crossing point: return None, not -1",
        'return float("nan")': (
            "differences that never rise through 0 have no crossing point: return None, not NaN"
        ),
        'return float("inf")': (
            "differences that never rise through 0 have no crossing point: return None, not infinity"
        ),
        "return sizes[-1]": (
            "differences that never rise through 0 have no crossing point: return None, not the largest "
            "batch size"
        ),
        "return sizes[0]": (
            "differences that never rise through 0 have no crossing point: return None, not the smallest "
            "batch size"
        ),
    },
    "    for i in range(1, len(sizes)):\n        below, above": {
        "    if differences[0] >= 0:\n"
        "        return sizes[0]\n"
        "    for i in range(1, len(sizes)):\n"
        "        below, above": (
            "a line that is at 0 or above from the start has not risen from below 0: look for a later place"
        ),
        "    for i in range(1, len(sizes)):\n"
        "        if differences[i] >= 0:\n"
        "            return sizes[i]\n"
        "        below, above": (
            "this is the first batch size after a crossing, and nothing is below 0 before it: interpolate "
            "between it and the one before"
        ),
        "    for size, difference in zip(sizes, differences):\n"
        "        if difference >= 0:\n"
        "            return size\n"
        "    for i in range(1, len(sizes)):\n"
        "        below, above": (
            "this is the first batch size at which the difference is not below 0: it must rise through 0; "
            "interpolate between it and the one before"
        ),
    },
    "    for i in range(1, len(sizes)):\n": {
        _LINE + "    for i in range(1, len(sizes)):\n": (
            "one straight line is laid through all points: take the two neighbours of the crossing; and None "
            "if there is none"
        ),
        "    from numpy import interp, log2\n"
        "\n"
        "    return 2 ** interp(0.0, differences, log2(sizes))\n"
        "    for i in range(1, len(sizes)):\n": (
            "np.interp wants differences that only rise, and gives an end where there is no crossing: look "
            "for the first pair below and above 0"
        ),
    },
}

GAP: Mistakes = {
    "train - test": {
        "test - train": (
            "the sign is wrong: training minus test, so that a network that knows its training images by "
            "heart has a large gap"
        ),
        "abs(train - test)": "the sign is lost: the test accuracy may be the higher one",
    },
    "return train - test": {
        "return (train - test) / train": (
            "divided by the training accuracy: points are asked for, not a share"
        ),
        "return 100 * (train - test) / train": (
            "divided by the training accuracy: that is a relative gap in percent, points are asked for"
        ),
        "return (train - test) / test": "divided by the test accuracy: points are asked for, not a share",
        "return 100 * (train - test) / test": (
            "divided by the test accuracy: that is a relative gap in percent, points are asked for"
        ),
        "return train / test": "that is a ratio: the difference is asked for",
        "return round(train - test)": "rounded to whole points: give it as it is",
        "return train // 1 - test // 1": "each accuracy is rounded down to whole points (//): use /",
    },
    ("100 * train_right", "100 * test_right"): {
        ("train_right", "test_right"): "this is a share: points are percent",
        (
            "100 * train_right",
            "test_right",
        ): "only the training accuracy is in percent: brackets, or 100 * in both",
    },
    "train, test = 100 * train_right / train_all, 100 * test_right / test_all": {
        "train, test = train_right, test_right": (
            "this subtracts counts of right answers: the two sets have different sizes"
        ),
        "train, test = 100 * train_right / train_all, 100 * test_right / train_all": (
            "both counts are divided by train_all: the test set has a size of its own"
        ),
        "train, test = 100 * train_right / test_all, 100 * test_right / test_all": (
            "both counts are divided by test_all: the training set has a size of its own"
        ),
        "train, test = 100 * train_right / test_all, 100 * test_right / train_all": (
            "the sizes are swapped: train_all belongs to train_right, test_all to test_right"
        ),
        "train, test = (100 * n / (train_all + test_all) for n in (train_right, test_right))": (
            "the two sets are pooled: divide each count by the size of its own set"
        ),
    },
}

EXERCISES = [
    Exercise(
        noise_of_the_mean,
        cases=[
            (2.0, 4, 9, 0.25),
            (1.0, 2, 900, 0.9),
            (3.0, 32, 1, 0.5),  # one pixel has no partner
            (0.5, 8, 64, 0.0),
            (1.5, 16, 5, 0.6),
            (1.0, 1, 64, 1.0),
        ],
        typed=False,
        forms=(_by_formula,),
        mistakes=NOISE,
        hints=(
            "Begin with one image. The variance of a sum is the sum of all variances and all covariances.",
            "An image has `pixels` variances, std ** 2 each, and pixels * (pixels - 1) covariances, "
            "rho * std ** 2 each. The mean is the sum divided by `pixels`, so its variance is divided by "
            "pixels ** 2.",
            "Images are independent: the mean over `images` of them has that variance divided by `images`. "
            "The square root of it is the answer.",
        ),
        praise="That is std * sqrt((1 + (pixels - 1) * rho) / (images * pixels)).",
    ),
    Exercise(
        crossing_point,
        cases=[
            ([2, 4, 8, 16, 32], [-6.0, -3.0, -1.0, 2.0, 3.0]),
            ([2, 4, 8, 32, 128, 512], [-2.0, 1.0, -1.0, -3.0, 6.0, 7.0]),  # rises twice
            ([2, 4, 32], [1.0, -2.0, -5.0]),  # only falls
            ([2, 8, 32, 128], [3.0, -3.0, -1.0, 0.5]),
            ([2, 4, 16, 64], [-2.0, 0.0, -1.0, 3.0]),  # arrives at exactly 0
            ([4, 8, 64], [0.0, 2.0, 1.0]),  # begins there
        ],
        typed=False,
        mistakes=CROSSING,
        hints=(
            "Look at neighbours: the first place where the difference is below 0 and the next one is 0 or "
            "above.",
            "On the line between them, 0 is the share below / (below - above) of the way.",
            "That share of the way is gone in the logarithm: size = left * (right / left) ** share. No such "
            "place: None.",
        ),
        praise="And None where the difference never rises through 0.",
    ),
    Exercise(
        train_test_gap,
        cases=[(19_000, 20_000, 6_500, 10_000), (450, 500, 91, 100), (1_243, 1_777, 505, 915)],
        typed=False,
        mistakes=GAP,
        hints=(
            "Each accuracy is right answers by images, of its own set.",
            "Training minus test, times 100: points are percent.",
        ),
        praise="In points, for sets of any two sizes.",
    ),
]
