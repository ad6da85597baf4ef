"""Exercises of lesson 07: counts of means, error of an accuracy, paired interval, first epoch."""

from helpers.lessons.diagnosis import Exercise, Mistakes, returned_as


def count_means(norm, shape, groups=2):
    N, C, _H, _W = shape
    return {"batch": C, "layer": N, "group": N * groups, "instance": N * C}[norm]


def standard_error(correct, images):
    p = correct / images  # the share of right answers
    return 100 * (p * (1 - p) / images) ** 0.5  # in points


def paired_interval(a, b, t):
    differences = [x - y for x, y in zip(a, b, strict=True)]
    n, mean = len(differences), sum(differences) / len(differences)
    variance = sum((d - mean) ** 2 for d in differences) / (n - 1)  # unbiased
    error = (variance / n) ** 0.5  # of the mean difference
    return mean, mean - t * error, mean + t * error


def first_epoch(accuracies, threshold):
    for epoch, accuracy in enumerate(accuracies, start=1):
        if accuracy >= threshold:
            return epoch
    return None


MEANS: Mistakes = {
    '"batch": C': {
        '"batch": N * C': (
            "batch norm pools the images: one mean for each channel, however many images there are"
        ),
        '"batch": N': "batch and layer norm: batch norm has a mean for each channel, not for each image",
        '"batch": C * _H * _W': "batch norm pools the pixels too: one mean for each channel",
    },
    '"layer": N': {
        '"layer": C': "layer norm has a mean for each image, not for each channel",
        '"layer": 1': "layer norm does not pool the images: one mean for each of them",
        '"layer": N * _H * _W': "layer norm pools the pixels too: one mean for each image",
    },
    '"group": N * groups': {
        '"group": groups': "group norm does not pool the images: `groups` means for each of them",
        '"group": C // groups': "group norm: C / groups channels share a mean; how many means are there?",
        '"group": N * C // groups': "group norm: N x groups, not N x C / groups (claim 12 has the same slip)",
        '"group": N * 2': "group norm: the argument `groups` is not used",
        '"group": N': "group norm has `groups` means for each image, not one",
    },
    '"instance": N * C': {
        '"instance": C': "instance norm does not pool the images: a mean for each channel of each image",
        '"instance": N': "instance norm does not pool the channels: a mean for each channel of each image",
        '"instance": N * C * _H * _W': (
            "instance norm pools the pixels: a mean for each channel of each image"
        ),
    },
    "return {": {
        "return 2 * {": "only the means are asked for, not means and variances",
        "return N * C * _H * _W // {": "this is how many values share one mean; how many means are there?",
    },
}

ERROR: Mistakes = {
    "100 * (": {
        "(": "it is a share: times 100 gives points",
        "196 * (": "1.96 standard errors are the half-width of an interval: the standard error is asked for",
        "10_000 * (": "that is 10,000 times the share: points are percent, times 100",
    },
    " ** 0.5": {"": "this is the variance: take its square root"},
    " / images)": {
        ")": (
            "this is the standard deviation of one answer, right or wrong: divide by the square root of "
            "`images`"
        ),
        " / images**2)": "divided by `images`: divide by its square root",
        " / (images - 1))": "divided by images - 1: the formula has images",
        " / 10_000)": "it is always divided by 10,000: the argument images is not used",
        " * images)": "multiplied by the square root of `images`: divide by it",
    },
    "return 100 * (p * (1 - p) / images) ** 0.5": {
        "return 100 * p": "this is the accuracy: how uncertain it is, its standard error, is asked for",
        "return (100 * p * (1 - p) / images) ** 0.5": "100 stands inside the square root: multiply after it",
    },
    ("p = correct / images", "100 * (p * (1 - p) / images)"): {
        ("p = 100 * correct / images", "(abs(p * (1 - p)) / images)"): (
            "p is in percent: the formula's p is a share, or 1 - p is negative (100 - p would be right)"
        ),
        ("p = correct", "100 * (abs(p * (1 - p)) / images)"): (
            "p is the count: it should be the share, correct / images"
        ),
    },
    "p * (1 - p)": {
        "p": "a factor is missing: the variance of one answer is p (1 - p)",
        "(1 - p)": (
            "a factor p is missing, or it is divided by `correct` where `images` should stand: p (1 - p) / "
            "images"
        ),
        "p * (1 - p**2)": "only the second p is squared: the variance of one answer is p (1 - p)",
        "0.25": "it does not depend on `correct`: p (1 - p) is 0.25 only at an accuracy of 50 %",
        "(p * (1 - p)) ** 2": "p (1 - p) is squared",
    },
    "p = correct / images": {
        "p = correct // images": "// gives whole numbers, here 0: use /",
    },
}

PAIRED: Mistakes = {
    "x - y": {
        "y - x": "the sign is turned round: it should be a - b",
        "abs(x - y)": "the sign of each difference is lost: a - b may be negative",
    },
    "(n - 1)": {
        "n": "the standard deviation is the biased one: NumPy divides by n unless told ddof=1",
    },
    "variance / n": {
        "variance / (n - 1)": "divided by the root of n - 1: by that of n, the n - 1 is in s already",
        "variance": (
            "this is where single differences lie: for their mean, divide the standard deviation by the "
            "square root of n"
        ),
        "variance / n**2": "divided by n: divide the standard deviation by the square root of n",
        "variance / 5": "divided by the square root of 5: n is the number of pairs",
        "variance**2 / n": "the variance stands where the standard deviation should: take its square root",
    },
    "b, t):": {
        "b, t):\n    t = 1.96": "1.96 is for many runs: with a few, use `t`",
        "b, t):\n    t = 1": "`t` is not used: the interval reaches t standard errors to each side",
        "b, t):\n    t = t / 2": "the interval reaches t standard errors to each side, not half of that",
        "b, t):\n    t = 2 * t": "the interval reaches t standard errors to each side, not 2 t",
    },
    "error = (variance / n) ** 0.5": {
        "s_a, s_b = ((sum((v - sum(c) / n) ** 2 for v in c) / (n - 1)) ** 0.5 for c in (a, b))\n"
        "    error = (s_a - s_b) / n**0.5": (
            "two standard deviations are subtracted: take the standard deviation of the differences"
        ),
    },
    "sum((d - mean) ** 2 for d in differences)": {
        **{
            f"sum((v - sum({name}) / n) ** 2 for v in {name})": (
                f"this is the standard deviation of {name} alone: take that of the differences, pair by pair"
            )
            for name in ("a", "b")
        },
        "sum(sum((v - sum(c) / n) ** 2 for v in c) for c in (a, b))": (
            "the pairs are lost: take the standard deviation of the differences, not of a and b apart"
        ),
    },
    "zip(a, b, strict=True)": {
        "zip(sorted(a), sorted(b), strict=True)": (
            "the pairs are lost: a and b are sorted, so other runs meet"
        ),
    },
    "mean = len(differences), sum(differences) / len(differences)": {
        "mean = len(differences), sorted(differences)[len(differences) // 2]": (
            "the median is taken: take the mean of the differences"
        ),
    },
    "return mean, mean - t * error": {
        "mean, middle = sorted(differences)[n // 2], mean\n    return mean, mean - t * error": (
            "the median is taken: take the mean of the differences"
        ),
    },
    "return mean, mean - t * error, mean + t * error": {
        "return mean, min(differences), max(differences)": (
            "these are the smallest and the largest difference: the interval reaches t standard errors to "
            "each side"
        ),
        "return mean, mean + t * error, mean - t * error": "lower and upper end are exchanged",
        "return mean - t * error, mean, mean + t * error": (
            "the order: first the mean, then lower and upper end"
        ),
    },
}

FIRST: Mistakes = {
    "start=1": {"start=0": "epochs are counted from 1"},
    ">= threshold": {
        "> threshold": "an accuracy equal to the threshold has reached it: >=, not >",
        "<= threshold": "this is the first epoch below the threshold: at least that accuracy is asked for",
    },
    "return None": {
        "return epoch": "a run that never gets there counts as its last epoch: return None",
        "return len(accuracies)": "a run that never gets there counts as its last epoch: return None",
        "return epoch + 1": "a run that never gets there counts as one epoch more: return None",
        "return len(accuracies) + 1": "a run that never gets there counts as one epoch more: return None",
        "return 0": (
            "a run that never gets there has no epoch: return None, not 0 (0 would be the fastest of all)"
        ),
        "return 1": (
            "a run that never gets there counts as epoch 1, the fastest of all (argmax of nothing but False "
            "is 0): return None"
        ),
        "return -1": (
            "a run that never gets there has no epoch: return None, not -1 (-1 would be the fastest of all)"
        ),
        'return float("inf")': "a run that never gets there has no epoch: return None, not infinity",
        'return float("nan")': "a run that never gets there has no epoch: return None, not NaN",
    },
    "enumerate(accuracies, start=1)": {
        "reversed(list(enumerate(accuracies, start=1)))": (
            "this is the last epoch above the threshold: the first is asked for"
        ),
        "enumerate(sorted(accuracies), start=1)": (
            "the accuracies are taken to rise (sorted, or those below counted): a curve that dips gets there "
            "at another epoch"
        ),
    },
    "if accuracy >= threshold:": {
        "if 100 * accuracy >= threshold:": "accuracy and threshold are both in percent: no factor of 100",
        "if accuracy == max(accuracies):": "this is the best epoch, whatever the threshold",
        "if min(accuracies[epoch - 1 :]) >= threshold:": (
            "this is where the accuracy stays above the threshold: the first epoch that reaches it is asked "
            "for, though it may dip again"
        ),
    },
    "            return epoch\n": {
        "            return sum(not value < threshold for value in accuracies)\n": (
            "this is how many epochs are above the threshold: the first of them is asked for"
        ),
        "            return accuracy\n": "this is the accuracy: the number of the epoch is asked for",
        "            return epoch\n        return None\n": (
            "only the first epoch is looked at: `return None` stands inside the loop"
        ),
    },
    "        if accuracy >= threshold:\n            return epoch\n": {
        "        if accuracy > threshold:\n"
        "            return sum(value > threshold for value in accuracies)\n": (
            "this is how many epochs are above the threshold: the first of them is asked for; and >=, not >"
        ),
    },
}

_A, _B = [72.4, 73.1, 71.8, 72.9, 72.2], [71.2, 72.3, 70.1, 71.5, 72.6]
_CURVE = [33.6, 52.4, 59.9, 61.0, 58.2, 60.0, 66.5, 65.9]

EXERCISES = [
    Exercise(
        count_means,
        cases=[
            *((norm, (8, 6, 4, 5)) for norm in ("batch", "layer", "instance")),
            ("group", (8, 6, 4, 5), 3),
            ("group", (3, 10, 2, 7), 2),
            ("batch", (3, 10, 2, 7)),
        ],
        typed=False,
        mistakes=MEANS,
        hints=(
            "A norm has one mean for each place on the axes that it keeps.",
            "Batch norm keeps the C channels, layer norm the N images, instance norm both, group norm the "
            "images and the groups.",
        ),
        praise="Four norms, four counts, on every shape tried.",
    ),
    Exercise(
        standard_error,
        cases=[(7_151, 10_000), (350, 355), (20, 50)],
        typed=False,
        mistakes=ERROR,
        hints=(
            "p in the formula is the share of right answers, between 0 and 1.",
            "sqrt(p (1 - p) / n) is a share as well: in points it is 100 times as much.",
        ),
        praise="In points, for any accuracy and test set.",
    ),
    Exercise(
        paired_interval,
        cases=[(_A, _B, 2.776), (_B[:3], _A[:3], 4.303), ([1.0, 4.0, 0.5, 2.0], [2.0, 1.5, 3.0, 0.0], 3.182)],
        look=returned_as("the mean", "the lower end", "the upper end"),
        typed=False,
        mistakes=PAIRED,
        hints=(
            "First the differences, seed by seed; a and b themselves are not needed after that.",
            "s is the standard deviation of the differences, divided by n - 1 (NumPy: ddof=1).",
            "The ends are mean - t * s / sqrt(n) and mean + t * s / sqrt(n).",
        ),
        praise="Mean and both ends, for three, four and five pairs.",
    ),
    Exercise(
        first_epoch,
        cases=[(_CURVE, 60.0), (_CURVE, 66.5), (_CURVE, 70.0), (_CURVE, 20.0), ([5.0, 9.0, 7.0], 8.0)],
        typed=False,
        mistakes=FIRST,
        hints=(
            "Go through the accuracies with enumerate(accuracies, start=1), and return at the first that has "
            "reached the threshold.",
            "A run that never gets there has no such epoch. 0 and -1 would make it the fastest of all: "
            "Python's word for nothing is None.",
        ),
        praise="Also for a curve that dips, and for one that never arrives.",
    ),
]
