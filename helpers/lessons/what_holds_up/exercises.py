"""Exercises of lesson 16: how often an interval catches a repetition, verdicts together, three new claims."""

from collections.abc import Callable

from scipy.stats import t as student_t

from helpers.analysis.stats import VERDICTS, interval, verdict
from helpers.lessons.comparing import Seen
from helpers.lessons.diagnosis import Exercise, Mistaken, Mistakes


def captured(n, m):
    reach = student_t.ppf(0.975, n - 1)  # ends of the interval, in standard errors of its mean
    apart = (1 + n / m) ** 0.5  # spread of the difference of the two means, in the same unit
    return 2 * student_t.cdf(reach / apart, n - 1) - 1


def judge_together(differences, matters):
    level = 1 - 0.05 / len(differences)  # each may miss so seldom that all together miss in 5 %
    intervals = {name: interval(values, level) for name, values in differences.items()}
    return verdict(intervals, matters=matters)


def new_verdict(claim):
    words = {
        1: "holds",  # all of the interval is above 0
        2: "holds when",  # above 0 at the largest factor alone
        3: "undecided",  # a large mean, and an interval that contains 0
    }
    return words[claim]


CAPTURED: Mistakes = {
    "0.975": {
        "0.95": "2.5 % lie beyond each end of a 95 % interval: the quantile is that of 0.975",
        "0.5": "2.5 % lie beyond each end of a 95 % interval: the quantile is that of 0.975",
    },
    "(1 + n / m) ** 0.5": {
        "1": "95 % is for the TRUE mean: that of m new seeds varies as well, its variance is missing",
        "(n / m) ** 0.5": "the mean of the first n seeds varies as well: variances add, sigma^2 (1/n + 1/m)",
        "(1 + m / n) ** 0.5": "n and m are exchanged: 1/n + 1/m, divided by 1/n, is 1 + n/m",
        "(1 + n / m)": "this is a variance: take its square root",
        "2**0.5": "that is so for as many new seeds as old ones: here m may differ from n",
        "(1 / n + 1 / m) ** 0.5": (
            "the half-width is t s / sqrt(n): divide it by s sqrt(1/n + 1/m), and one sqrt(n) remains"
        ),
        "(1 + n) ** 0.5": "that is one new run, m = 1: the mean of m runs varies less",
    },
    "reach / apart": {"reach * apart": "the spread of the difference divides the reach"},
    "2 * student_t.cdf(reach / apart, n - 1) - 1": {
        "student_t.cdf(reach / apart, n - 1)": "the mean may miss on either side: 2 F(x) - 1, not F(x)",
        "1 - student_t.cdf(reach / apart, n - 1)": "this is the share that misses on one side",
        "2 - 2 * student_t.cdf(reach / apart, n - 1)": "this is the share that misses: take 1 minus it",
    },
    "apart, n - 1": {
        "apart, n + m - 2": "s is of the first n seeds alone: it has n - 1 degrees of freedom",
        "apart, m - 1": "s is of the first n seeds: it has n - 1 degrees of freedom",
        "apart, 10**9": "s is estimated from n seeds: Student's t with n - 1 degrees of freedom",
    },
}

TOGETHER: Mistakes = {
    "0.05 / len(differences)": {
        "0.05": "each interval alone misses in 5 %: several of them miss more often; share the 5 % out",
        "0.05 * len(differences)": "more comparisons make each interval wider: divide 0.05 by their number",
        "0.05 / (2 * len(differences))": (
            "`interval` takes the level for both sides: no further division by 2"
        ),
        "0.05 / (len(differences) + 1)": "one part of 0.05 for each comparison: divide by their number",
    },
    "1 - 0.05": {"0.95 - 0.05": "the level is 1 minus the part of 0.05 that each may miss in"},
    "matters=matters": {
        "margin=matters": "`matters` is no margin: a claim holds as soon as its interval is above 0",
        "matters=None": "`matters` is not used: an interval within it says that no difference matters",
        "matters=matters / len(differences)": "what matters is the same in each condition",
        "matters=2 * matters": "an interval must lie within -matters to +matters",
    },
    "verdict(intervals": {
        "verdict(next(iter(intervals.values()))": "only the first condition is judged: give all intervals",
        "verdict(list(intervals.values())[-1]": "only the last condition is judged: give all intervals",
        "verdict(interval([v for values in differences.values() for v in values], level)": (
            "the conditions are pooled into one interval: each needs its own"
        ),
    },
}

THREE: Mistakes = {
    '"holds"': {
        '"undecided"': "the first: one comparison, and its interval lies above 0",
        '"no difference that matters"': "the first: its interval lies above 0, which comes first",
        '"false"': "the first: its interval lies above 0, on the claim's side",
        '"holds when"': "the first has one condition only: it holds, or it does not",
    },
    '"holds when"': {
        '"holds"': 'the second is said of every factor: where some intervals contain 0 it "holds when"',
        '"undecided"': "the second: at the largest factor the interval lies above 0, as wide as it is",
        '"false"': "the second: at the largest factor the interval lies above 0",
        '"no difference that matters"': "the second: at the largest factor the interval lies above 0",
    },
    '"undecided"': {
        '"holds"': "the third: the mean is large, but the interval contains 0; the mean decides nothing",
        '"no difference that matters"': "the third: its interval reaches far beyond what matters",
        '"false"': "the third: an interval that contains 0 does not make a claim false",
        '"holds when"': "the third has one condition only, and its interval contains 0",
    },
}

_WIDE = [2.1, -0.4, 3.0, 1.6, 2.9]
_SMALL = [0.02, -0.05, 0.04, 0.01, -0.03]
_ABOVE = [1.1, 1.3, 0.9, 1.2, 1.0]
_BETWEEN = [0.5, 0.1, 0.9, 0.7, 0.3]  # above 0 alone, but not as one of three


def _above_at(error):
    """Five differences whose interval just excludes 0 at this error level, but not at a smaller one."""
    mean = 1.001 * float(student_t.ppf(1 - error / 2, 4)) * (2.5 / 5) ** 0.5
    return [mean + step for step in (-2.0, -1.0, 0.0, 1.0, 2.0)]  # their variance is 2.5


def _word(answer: Callable, claim: int) -> Seen:
    """The word as a tuple of one: any word of the ledger will do, and no form tells which one is right."""
    word = answer(claim)
    if word not in VERDICTS:
        raise Mistaken(f"for claim {claim} it returns {word!r}: return one of {', '.join(VERDICTS)}")
    return {"the word": (word,)}


EXERCISES = [
    Exercise(
        captured,
        cases=[(5, 5), (3, 5), (3, 3), (10, 2), (40, 40), (2, 30)],
        typed=False,
        mistakes=CAPTURED,
        hints=(
            "The interval catches the new mean if the two means are less than t s / sqrt(n) apart.",
            "The difference of the two means has variance sigma^2 (1/n + 1/m). Divide it by s times the "
            "square root of (1/n + 1/m): Student's t with n - 1 degrees of freedom.",
            "So the share is P(|T| < t / sqrt(1 + n/m)) = 2 F(t / sqrt(1 + n/m)) - 1, F being student_t.cdf.",
        ),
        praise="For few seeds and many, and for any number of new ones.",
    ),
    Exercise(
        judge_together,
        cases=[
            ({"a": _ABOVE}, 0.5),
            ({"a": _BETWEEN}, 0.5),
            ({"a": _BETWEEN, "b": _WIDE, "c": _SMALL}, 0.5),
            ({"a": _BETWEEN, "b": _SMALL, "c": _SMALL}, 0.5),
            ({"a": _SMALL, "b": _ABOVE}, 0.5),
            ({"a": _SMALL, "b": _SMALL}, 0.5),
            ({"a": _SMALL, "b": _SMALL}, 0.12),
            ({"a": _SMALL, "b": _SMALL, "c": _SMALL, "d": _SMALL}, 0.06),
            ({"a": _SMALL, "b": [-v for v in _ABOVE]}, 0.5),
            ({"a": [-v for v in _ABOVE], "b": _SMALL}, 0.5),
            ({"a": _WIDE, "b": [-v for v in _ABOVE]}, 0.5),
            ({"a": _BETWEEN, "b": _BETWEEN}, 0.5),
            ({"a": _ABOVE, "b": _ABOVE, "c": _BETWEEN}, 2.0),
            ({"a": _above_at(0.07)}, 0.5),
            ({"a": _above_at(0.04)}, 0.5),
            ({"a": _above_at(0.07), "b": _WIDE}, 0.5),
            ({"a": _above_at(0.02), "b": _WIDE}, 0.5),
            ({"a": _above_at(0.015), "b": _WIDE}, 0.5),
            ({"a": _SMALL, "b": _SMALL}, 0.08),
            ({"a": _SMALL, "b": _SMALL}, 0.05),
        ],
        typed=False,
        mistakes=TOGETHER,
        hints=(
            "If each of m intervals misses in 0.05 / m of studies, at least one misses in 0.05 at most.",
            "`interval(values, level)` takes the level, such as 0.95; `verdict` takes a dict of intervals.",
            "level = 1 - 0.05 / len(differences); then verdict({name: interval(...)}, matters=matters).",
        ),
        praise="One condition or several, near the mark and far from it.",
    ),
    Exercise(
        new_verdict,
        cases=[(1,), (2,), (3,)],
        look=_word,
        typed=False,
        apart=True,
        mistakes=THREE,
        hints=(
            "Look at the ends of the intervals, not at their means.",
            "The second claim is about seven factors: is every interval above 0, is any?",
            "In the third, is 0 inside? Above 0 everywhere holds, above 0 somewhere holds when; an interval "
            "that contains 0 and reaches beyond what matters leaves it undecided.",
        ),
        praise="Each by its interval.",
    ),
]
