"""The known mistakes of lesson 06's exercises, each computed on purpose and put into words.

Each function is the exercise's solution with every step made a choice; its table says, per choice, what each
wrong value means.
"""

import math

import numpy as np

from helpers.exercises.diagnosis import Mistakes


def means(norm, shape, groups=2, batch="C", layer="N", group="N G", instance="N C", what="means"):
    n, c, h, w = shape
    sizes = {"1": 1, "N": n, "C": c, "G": groups, "C/G": c // groups, "N G": n * groups, "N C": n * c}
    sizes |= {"N C/G": n * c // groups, "N 2": n * 2, "C HW": c * h * w}
    count = sizes[{"batch": batch, "layer": layer, "group": group, "instance": instance}[norm]]
    return count if what == "means" else 2 * count if what == "both" else n * c * h * w // count


MEANS_MISTAKES: Mistakes = {
    "batch": {
        "N C": "batch norm pools the images: one mean for each channel, however many images there are",
        "N": "batch and layer norm: batch norm has a mean for each channel, not for each image",
        "C HW": "batch norm pools the pixels too: one mean for each channel",
    },
    "layer": {
        "C": "layer norm has a mean for each image, not for each channel",
        "1": "layer norm does not pool the images: one mean for each of them",
    },
    "group": {
        "G": "group norm does not pool the images: `groups` means for each of them",
        "C/G": "group norm: C / groups channels share a mean; how many means are there?",
        "N C/G": "group norm: N x groups, not N x C / groups (claim 12 has the same slip)",
        "N 2": "group norm: the argument `groups` is not used",
        "N": "group norm has `groups` means for each image, not one",
    },
    "instance": {
        "C": "instance norm does not pool the images: a mean for each channel of each image",
        "N": "instance norm does not pool the channels: a mean for each channel of each image",
    },
    "what": {
        "both": "only the means are asked for, not means and variances",
        "values": "this is how many values share one mean; how many means are there?",
    },
}


def error(correct, images, unit="points", root=True, spread="binomial", divided=True):
    p = correct / images
    variance = {"binomial": p * (1 - p), "p": p, "worst": 0.25}[spread] / (images if divided else 1)
    return {"points": 100, "share": 1, "squared": 10_000}[unit] * (math.sqrt(variance) if root else variance)


ERROR_MISTAKES: Mistakes = {
    "unit": {
        "share": "it is a share: times 100 gives points",
    },
    "root": {
        False: "this is the variance: take its square root",
    },
    "divided": {
        False: "this is the deviation of one answer, right or wrong: divide by the root of `images`",
    },
    "spread": {
        "p": "a factor is missing: the variance of one answer is p (1 - p)",
        "worst": "it does not depend on `correct`: p (1 - p) is 0.25 only at an accuracy of 50 %",
    },
}


def paired(a, b, t, order="a - b", ddof=1, error=True, quantile="t", pairs=True):
    a, b = np.array(a), np.array(b)
    d, n = (a - b if order == "a - b" else b - a), len(a)
    spread = d.std(ddof=ddof) if pairs else math.hypot(a.std(ddof=ddof), b.std(ddof=ddof))
    half = {"t": t, "normal": 1.96, "none": 1}[quantile] * spread / (math.sqrt(n) if error else 1)
    return d.mean(), d.mean() - half, d.mean() + half


PAIRED_MISTAKES: Mistakes = {
    "order": {
        "b - a": "the sign is turned round: it should be a - b",
    },
    "ddof": {
        0: "the deviation is the biased one: NumPy divides by n unless told ddof=1",
    },
    "error": {
        False: "this is where single differences lie: for their mean, divide the deviation by the root of n",
    },
    "quantile": {
        "normal": "1.96 is for many runs: with a few, use `t`",
        "none": "`t` is not used: the interval reaches t standard errors to each side",
    },
    "pairs": {
        False: "the pairs are lost: take the deviation of the differences, not of a and b apart",
    },
}


def first(accuracies, threshold, start=1, at="reached", never=None, which="first"):
    reached = [
        i
        for i, value in enumerate(accuracies)
        if (value > threshold if at == "passed" else value >= threshold)
    ]
    if which == "best":
        return int(np.argmax(accuracies)) + start
    if not reached:
        return (
            len(accuracies) + start - 1
            if never == "last"
            else len(accuracies) + start
            if never == "next"
            else never
        )
    return {"first": reached[0] + start, "last": reached[-1] + start, "count": len(reached)}[which]


FIRST_MISTAKES: Mistakes = {
    "start": {
        0: "epochs are counted from 1",
    },
    "at": {
        "passed": "an accuracy equal to the threshold has reached it: >=, not >",
    },
    "never": {
        "last": "a run that never gets there counts as its last epoch: return None",
        "next": "a run that never gets there counts as one epoch more: return None",
        0: "a run that never gets there has no epoch: return None, not 0 (0 would be the fastest of all)",
        -1: "a run that never gets there has no epoch: return None, not -1 (-1 would be the fastest of all)",
    },
    "which": {
        "last": "this is the last epoch above the threshold: the first is asked for",
        "best": "this is the best epoch, whatever the threshold",
        "count": "this is how many epochs are above the threshold: the first of them is asked for",
    },
}
