"""Exercises of lesson 07: error of an accuracy, paired interval, verdict, runs that an interval needs."""

from scipy.stats import t as student_t

from helpers.lessons.diagnosis import Exercise, Mistakes, returned_as


def standard_error(correct, images):
    p = correct / images  # the share of right answers
    return 100 * (p * (1 - p) / images) ** 0.5  # in points


def paired_interval(a, b, t):
    differences = [x - y for x, y in zip(a, b, strict=True)]
    n, mean = len(differences), sum(differences) / len(differences)
    variance = sum((d - mean) ** 2 for d in differences) / (n - 1)  # unbiased
    error = (variance / n) ** 0.5  # of the mean difference
    return mean, mean - t * error, mean + t * error


def judge(low, high, matters):
    if low > 0:
        return "holds"
    if high <= 0:
        return "false"
    if -matters < low and high < matters:
        return "no difference that matters"
    return "undecided"


def runs_for(s, half_width, t):
    for n in t:  # 2, 3, 4 ... pairs
        if t[n] * s / n**0.5 <= half_width:
            return n
    return None


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

VERDICT: Mistakes = {
    "low > 0": {
        "low >= 0": "an interval that begins at 0 itself does not lie above 0: >, not >=",
        "low > matters": (
            "it holds as soon as the whole interval lies above 0, also if the difference may be a small one"
        ),
        "high > 0": "it holds if the WHOLE interval lies above 0: look at its lower end",
        "(low + high) / 2 > 0": "the middle of the interval decides nothing: look at its ends",
        "(low + high) / 2 > matters": "the middle of the interval decides nothing: look at its ends",
    },
    "high <= 0": {
        "low <= 0": "it is false if the WHOLE interval lies at or below 0: look at its upper end",
        "high < -matters": "it is false as soon as the whole interval lies at or below 0",
        "high < 0": "an interval that ends at 0 lies at or below 0: <=, not <",
        "False": '"false" is missing: the whole interval may lie at or below 0',
    },
    "-matters < low and high < matters": {
        "high < matters": "the lower end counts too: it must lie above -matters",
        "-matters < low": "the upper end counts too: it must lie below matters",
        "-matters < low or high < matters": "both ends must lie within: `and`, not `or`",
        "high - low < matters": "it is not its width that counts: it must LIE between -matters and matters",
        "high - low < 2 * matters": (
            "it is not its width that counts: it must LIE between -matters and matters"
        ),
        "abs(low + high) / 2 < matters": (
            "it is not its middle that counts: the whole interval must lie between -matters and matters"
        ),
        "False": '"no difference that matters" is missing: the interval may lie within -matters to matters',
    },
    ("high <= 0", "-matters < low and high < matters"): {
        ("(low + high) / 2 <= -matters", "(low + high) / 2 <= 0"): (
            "the middle of the interval decides nothing: look at its ends"
        ),
    },
    ("low > 0", "high <= 0"): {
        (
            "high < 0",
            "low >= 0",
        ): "the signs are exchanged: above 0 the claim holds, at or below 0 it is false",
    },
    "    if low > 0:\n": {
        "    if -matters < low and high < matters:\n"
        '        return "no difference that matters"\n'
        "    if low > 0:\n": (
            "the order: ask first whether all of it lies above 0, or at or below; only an interval that "
            "contains 0 says that there is no difference that matters"
        ),
    },
    'return "no difference that matters"\n    return "undecided"': {
        'return "undecided"\n    return "no difference that matters"': (
            '"undecided" and "no difference that matters" are exchanged: within -matters to matters there is '
            "no difference that matters"
        ),
    },
    'return "undecided"': {
        'return "no difference that matters"': (
            "a wide interval around 0 is not evidence of no difference: it is undecided"
        ),
        'return "false"': "an interval that contains 0 does not make the claim false: it is undecided",
        'return "holds"': "an interval that contains 0 does not make the claim hold: it is undecided",
    },
}

RUNS: Mistakes = {
    "t[n]": {
        "1.96": "1.96 is Student's t for very many pairs: with few it is larger, take t[n]",
        "1": "Student's t is missing: the interval reaches t standard errors to each side",
        "t[2]": "t depends on the number of pairs: take t[n]",
        "2 * t[n]": "this is the whole width: the half-width is asked for",
    },
    "n**0.5": {
        "n": "divided by n: the half-width falls with the square root of n",
        "(n - 1) ** 0.5": "divided by the square root of n - 1: s has that already, here it is n",
    },
    " * s /": {
        " * s**2 /": "this is the variance: take the standard deviation s itself",
        " * s**0.5 /": "s is a standard deviation already: no square root of it",
        " /": "s is not used",
    },
    "<= half_width": {
        "<= 2 * half_width": "`half_width` is to ONE side: the whole interval is twice as wide",
        ">= half_width": "this is the first n whose interval is still too wide: at most half_width, <=",
    },
    "            return n": {
        "            return n - 1": "one too few: with n - 1 pairs the interval is still too wide",
        "            return n + 1": "one too many: n pairs are enough",
        "            return t[n]": "this is Student's t: the number of pairs is asked for",
        "            return max(n - 1, 2)": ("one too few: with n - 1 pairs the interval is still too wide"),
        "            return n - 2": (
            "this counts the numbers of pairs that are too few: the first that is enough is asked for"
        ),
        "            return t[n] * s / n**0.5": "this is the half-width: the number of pairs is asked for",
        "            return (t[n] * s / half_width) ** 2": "n is a whole number of pairs: return n itself",
    },
    ("in t:", "t[n]"): {
        ("in range(2, 99_999):", "t[2]"): "t depends on the number of pairs: take t[n], not t of 2 pairs",
        ("in range(2, 99_999):", "t[3]"): "t depends on the number of pairs: take t[n], not t of 3 pairs",
        ("in list(t)[1:]:", "t[n - 1]"): (
            "t[n] is Student's t for n pairs already: t[n - 1] is that of one pair fewer"
        ),
    },
    "in t:": {
        "in list(t)[1:]:": "it starts at 3 pairs: two may be enough",
        "in reversed(t):": "this is the largest such number of pairs: the smallest is asked for",
    },
    "    for n in t:": {
        "    return min(t, key=lambda n: abs(t[n] * s / n**0.5 - half_width))\n    for n in t:": (
            "the n whose interval is closest to `half_width`: it may be wider; take the first that is at "
            "most as wide"
        ),
        "    n = max(2, int(-(-((1.96 * s / half_width) ** 2) // 1)))\n"
        "    return max(2, int(-(-((t[min(n, 200)] * s / half_width) ** 2) // 1)))\n"
        "    for n in t:": (
            "n is computed from Student's t of a first guess: t depends on n itself, so try n = 2, 3, 4 ... "
            "with t[n] for each"
        ),
    },
}

_QUARTERS = {
    n: round(4 * float(student_t.ppf(0.975, n - 1))) / 4 for n in range(2, 201)
}  # ends are met exactly
_T = {n: float(student_t.ppf(0.975, n - 1)) for n in range(2, 201)}  # Student's t for n pairs

_A, _B = [72.4, 73.1, 71.8, 72.9, 72.2], [71.2, 72.3, 70.1, 71.5, 72.6]

EXERCISES = [
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
        judge,
        cases=[
            (0.2, 0.9, 0.5),
            (0.1, 0.3, 0.5),
            (-0.9, -0.2, 0.5),
            (-0.3, 0.0, 0.5),
            (-0.3, 0.4, 0.5),
            (-0.3, 0.6, 0.5),
            (-0.72, 0.26, 0.5),
            (-0.31, 0.52, 0.45),
            (-2.0, 2.0, 0.5),
            (-0.1, 0.45, 0.5),
            (-0.1, 1.2, 0.5),
            (-0.9, -0.7, 0.5),
            (0.0, 0.4, 0.5),
            (-0.4, 0.4, 0.3),
        ],
        typed=False,
        mistakes=VERDICT,
        hints=(
            "Draw 0, -matters and matters on a line, and an interval in each place that it can have.",
            "Ask in the order of the table: is all of it above 0? All of it at or below? Is it within?",
            "An interval that contains 0 is undecided unless both ends lie within -matters to matters.",
        ),
        praise="Also for an interval that ends at 0, and for one that is wide.",
    ),
    Exercise(
        runs_for,
        cases=[
            *((s, half, _T) for s, half in ((1.0, 0.5), (2.0, 1.1), (1.0, 20.0), (0.6, 1.5), (1.3, 0.9))),
            (2.05, 0.47, _T),
            (1.0, 1.625, _QUARTERS),
            (2.0, 1.125, _QUARTERS),
        ],
        typed=False,
        mistakes=RUNS,
        hints=(
            "No formula solves it, because t depends on n as well: try n = 2, 3, 4 ...",
            "The first n with t[n] * s / n**0.5 <= half_width is the answer.",
        ),
        praise="From two pairs to a hundred.",
    ),
]
