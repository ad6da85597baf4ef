"""The known mistakes of lesson 08's exercises, each computed on purpose and put into words.

Each function is the exercise's solution with every step made a choice; its table says, per choice, what
each wrong value means.
"""

import torch
from torch import Tensor

from helpers.exercises.diagnosis import Mistakes

SOFT: Mistakes = {
    "kind": {
        "hard": "weights beyond the threshold are kept as they are (hard threshold): they shrink by it, too",
        "not cut": "small weights cross zero: where |w| is below the threshold the result is exactly 0",
        "moved": "the threshold is subtracted from every weight: L1 pulls towards 0, from either side",
        "positive": "the sign of negative weights is lost",
        "negative lost": "negative weights all become 0: take |w| minus the threshold, give the sign back",
        "clamped": "this limits weights to the threshold: it should take the threshold away from them",
        "scaled": "weights are multiplied by a factor, as L2 does: L1 takes the same amount off each",
    },
    "amount": {
        "double": "twice the threshold is taken off",
        "half": "half the threshold is taken off",
        "fixed": "the argument threshold is not used: 1 is taken off",
    },
}


def soft(w: Tensor, threshold: float, kind: str = "right", amount: str = "right") -> Tensor:
    """The soft threshold of w, with the mistakes of SOFT on request."""
    t = {"right": threshold, "double": 2 * threshold, "half": threshold / 2, "fixed": 1.0}[amount]
    left = (w.abs() - t).clamp(min=0)
    return {
        "right": w.sign() * left,
        "hard": w * (w.abs() > t),
        "not cut": w - t * w.sign(),
        "moved": w - t,
        "positive": left,
        "negative lost": (w - t).clamp(min=0),
        "clamped": w.clamp(-t, t),
        "scaled": w / (1 + t),
    }[kind]


RIDGE: Mistakes = {
    "intercept": {
        "penalized": "the intercept is penalized: it shrinks to 0, and adding 100 to y changes the weights",
        "none": "the inputs and y are not centred: the weights have to make up for the missing intercept",
        "mean of y": "the intercept is the mean of y alone: the inputs have a mean, so subtract mean(x) . w",
        "sign": "mean(x) . w is added to the mean of y: it should be subtracted",
    },
    "scale": {
        "sum": "nothing is divided by N: the loss is a mean, so here the penalty is N times too weak",
        "double": "twice the penalty is added: half the sum of w^2 is penalized, the gradient is penalty * w",
    },
    "penalized": {
        False: "the penalty is not added: this is least squares",
        "everywhere": "the penalty is added to every entry of X^T X / N: it belongs on the diagonal only",
    },
}


def ridge(x: Tensor, y: Tensor, penalty: float, intercept: str = "right", scale: str = "mean",
          penalized: object = True) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Weights (d,) and intercept of ridge regression, with the mistakes of RIDGE on request."""
    n, d = x.shape
    rows, target = (x, y) if intercept in ("penalized", "none") else (x - x.mean(dim=0), y - y.mean())
    if intercept == "penalized":
        rows = torch.cat([x, torch.ones(n, 1, dtype=x.dtype)], dim=1)
    divide = 1 if scale == "sum" else n
    added = {True: torch.eye(rows.shape[1]), False: torch.zeros(()), "everywhere": torch.ones(())}[penalized]
    strength = penalty * (2 if scale == "double" else 1)
    gram = rows.T @ rows / divide + strength * added.to(x.dtype)
    w = torch.linalg.solve(gram, rows.T @ target / divide)
    if intercept == "penalized":
        return w[:d], w[d]
    share = x.mean(dim=0) @ w
    constant = {"none": y.mean() - share, "mean of y": y.mean(), "sign": y.mean() + share}
    return w, constant.get(intercept, y.mean() - share)


COORDINATE: Mistakes = {
    "residual": {
        "own": "the residual still holds weight j's own share: take out the other weights only",
        "y": "the other weights are not taken out of y: input j must explain what they leave",
    },
    "scale": {
        "sum": "nothing is divided by N: the loss is a mean, so here the penalty is N times too weak",
        "numerator": "x_j . r is not divided by N",
    },
    "denominator": {
        "one": "not divided by x_j . x_j / N: that is 1 for standardized inputs only",
        "sum": "divided by x_j . x_j without the 1 / N",
        "with penalty": "the penalty stands in the denominator as well: that is what ridge does",
    },
    "threshold": {
        "none": "no soft threshold: this is the best weight without penalty",
        "after": "the threshold comes after the division: first soft-threshold x_j . r / N, then divide",
        "hard": "that is a hard threshold: beyond it the penalty is to be taken off, too",
        "half": "half the penalty is taken off: the squared error has the half already, the penalty none",
        "sign": "negative values all become 0: take the threshold off the absolute value",
    },
}


def coordinate(
    x: Tensor, y: Tensor, w: Tensor, j: int, penalty: float, residual: str = "right", scale: str = "mean",
    denominator: str = "right", threshold: str = "right",
) -> Tensor:  # fmt: skip
    """The lasso's best weight j with the others as they are, with the mistakes of COORDINATE on request."""
    others = w.clone()
    if residual != "own":
        others[j] = 0.0
    left = y if residual == "y" else y - x @ others
    column, n = x[:, j], len(x)
    c = column @ left / (n if scale == "mean" else 1)
    squared = column @ column
    if scale == "sum" and denominator == "right":
        denominator = "sum"
    under = {"right": squared / n, "one": torch.ones(()).double(), "sum": squared,
             "with penalty": squared / n + penalty}[denominator]  # fmt: skip
    return {
        "right": soft(c, penalty) / under,
        "none": c / under,
        "after": soft(c / under, penalty),
        "hard": soft(c, penalty, "hard") / under,
        "half": soft(c, penalty, amount="half") / under,
        "sign": soft(c, penalty, "negative lost") / under,
    }[threshold]


ADAMW: Mistakes = {
    "decayed": {
        "gradient": "the decay is added to the gradient: that is Adam with an L2 penalty, not AdamW",
        "without lr": "the decay is not multiplied by lr: torch's AdamW multiplies w by 1 - lr * decay",
        "none": "the weight does not decay",
        "divided": "the decay is divided by the root of v: AdamW lets it bypass that division",
        "grows": "the weight grows: multiply by 1 - lr * decay",
    },
    "correction": {
        "none": "m and v are not corrected for starting at 0: divide by 1 - beta ** t",
        "m only": "v is not corrected for starting at 0: divide it by 1 - beta2 ** t",
        "v only": "m is not corrected for starting at 0: divide it by 1 - beta1 ** t",
        "kept": "the corrected m and v are returned: return the running ones, or they are corrected twice",
    },
    "root": {
        "eps inside": "eps is inside the square root",
        "no eps": "eps is missing",
        "no root": "divided by v: take its square root",
    },
    "averages": {
        "swapped": "the shares are swapped: beta is the share of the old value",
        "absolute": "v averages |g|: it should average g ** 2",
    },
    "sign": {True: "the step goes uphill: subtract it"},
}


def adamw(w, g, m, v, t, lr, beta1, beta2, eps, decay, **choices) -> tuple[Tensor, Tensor, Tensor]:
    """One step of AdamW, (w, m, v) after it, with the mistakes of ADAMW on request."""
    wrong = {"decayed": "right", "correction": "right", "root": "right", "averages": "right", "sign": False}
    wrong |= choices
    if wrong["decayed"] == "gradient":
        g = g + decay * w
    a1, a2 = (1 - beta1, 1 - beta2) if wrong["averages"] == "swapped" else (beta1, beta2)
    m = a1 * m + (1 - a1) * g
    v = a2 * v + (1 - a2) * (g.abs() if wrong["averages"] == "absolute" else g**2)
    m_hat = m if wrong["correction"] in ("none", "v only") else m / (1 - beta1**t)
    v_hat = v if wrong["correction"] in ("none", "m only") else v / (1 - beta2**t)
    root = {
        "right": v_hat.sqrt() + eps,
        "eps inside": (v_hat + eps).sqrt(),
        "no eps": v_hat.sqrt(),
        "no root": v_hat + eps,
    }[wrong["root"]]
    factor = {"right": 1 - lr * decay, "without lr": 1 - decay, "divided": 1 - lr * decay / root,
              "grows": 1 + lr * decay}.get(wrong["decayed"], 1.0)  # fmt: skip
    step = lr * m_hat / root
    if wrong["correction"] == "kept":
        m, v = m_hat, v_hat
    return (w * factor + step if wrong["sign"] else w * factor - step), m, v
