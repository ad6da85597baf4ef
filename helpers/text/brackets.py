"""A language made up for the course: letters, brackets that must agree, and an entropy known exactly.

At each step the source opens a bracket, closes one, or writes a letter.

* Brackets: up to DEPTH are open at once. Where one more may be, "(" and "[" come with probability 1/16 each;
  where one is open, the innermost is closed with probability 1/8, by ")" or "]", whichever agrees with it.
  A bracket is closed after twelve characters on average, and one in thirty after more than fifty. So long
  must a predictor know which one it was.
* Letters: all else. Which of the eight is drawn depends on the last two letters, and on nothing else, as if
  the brackets were not there: for each pair they stand in an order of their own and have the probabilities
  1/2, 1/4, 1/8, 1/16, 1/64, 1/64, 1/64 and 1/64 in it.

The state of the source is what is open and the last two letters. Each character tells which state comes next,
so the entropy rate is the mean entropy of a step over the stationary distribution of the states (Shannon, A
Mathematical Theory of Communication, 1948, section 7).
The number of open brackets d moves up from d < DEPTH and down from d > 0 with the same probability 1/8. In
balance as much goes up as comes down, pi(d) / 8 = pi(d + 1) / 8, so all depths are equally likely. With M(d)
as the probabilities of "(", "[", the closing bracket and a letter at depth d, and H as the entropy in nats,

    rate = mean over d of H(M(d)) + P(letter | d) H(1/2, 1/4, ...),    H(1/2, 1/4, ...) = 2 ln 2:

after any two letters the same probabilities come, in whatever order, so how frequent a pair is plays no part.
"""

import numpy as np
import torch
from torch import Tensor

LETTERS = "abcdefgh"
PAIRS = ("()", "[]")
ALPHABET = LETTERS + "".join(PAIRS)
DEPTH = 2
# All in whole numbers, so that every platform makes the same text
SHARES = (32, 16, 8, 4, 1, 1, 1, 1)  # of 64: how often a letter comes, by its place in the order of the pair
OPENING = 1  # of 16, for each kind
CLOSING = len(PAIRS) * OPENING  # of 16: as often as one is opened, or the depths are not equally likely


def generate(length: int, seed: int) -> Tensor:
    """A text of `length` characters as (length,) uint8, each the place of the character in ALPHABET.

    It begins as if after "aa", with no bracket open. The same seed gives the same text everywhere; a shorter
    one is the beginning of a longer.
    """
    random = np.random.RandomState(seed)  # the one generator that NumPy promises to leave as it is
    draws = random.randint(16 * 64, size=length, dtype=np.int64).tolist()
    drawn_letter = np.repeat(_orders(), SHARES, axis=2).tolist()  # 8 x 8 x 64
    kinds, text = len(PAIRS), bytearray()
    before, last, unclosed = 0, 0, []
    for bracket, letter in (divmod(draw, 64) for draw in draws):
        if bracket < kinds * OPENING and len(unclosed) < DEPTH:
            unclosed.append(bracket // OPENING)
            text.append(len(LETTERS) + 2 * unclosed[-1])
        elif 0 <= bracket - kinds * OPENING < CLOSING and unclosed:
            text.append(len(LETTERS) + 2 * unclosed.pop() + 1)
        else:
            before, last = last, drawn_letter[before][last][letter]
            text.append(last)
    return torch.from_numpy(np.frombuffer(text, np.uint8).copy())


def nats(tokens: Tensor) -> Tensor:
    """What each character of a text costs the predictor that knows the source: -ln p, (N,) float64, in nats.

    The text is one of `generate`, from its beginning. The mean tends to entropy_rate(); on the same text, a
    network's mean loss less this mean is known more precisely than its loss less the rate.
    """
    tokens = tokens.long()
    is_letter = tokens < len(LETTERS)
    change = torch.where(is_letter, 0, 1 - 2 * (tokens % 2))  # an opening bracket is even, and + 1
    depth = change.cumsum(0) - change  # before the character
    moves = torch.tensor([_moves(d) for d in range(DEPTH + 1)], dtype=torch.float64)
    probability = moves[depth, torch.where(is_letter, 3, torch.where(change > 0, 0, 2))]

    letters = torch.cat([tokens.new_zeros(2), tokens[is_letter]])
    rank = torch.from_numpy(_orders().argsort(axis=2))[letters[:-2], letters[1:-1], letters[2:]]
    probability[is_letter] *= torch.tensor(SHARES, dtype=torch.float64)[rank] / sum(SHARES)
    return -probability.log()


def entropy_rate() -> float:
    """The least mean loss that any predictor can reach in the long run, in nats per character (see above)."""
    steps = [_moves(depth) for depth in range(DEPTH + 1)]
    of_a_letter = _entropy(np.array(SHARES) / sum(SHARES))
    return float(np.mean([_entropy(step) + step[3] * of_a_letter for step in steps]))


def worth_of_brackets() -> float:
    """How much more than entropy_rate() the best predictor loses that sees the letters alone, in nats.

    The brackets follow each other without regard to the letters, and the letters in their turn without regard
    to the brackets: the last two letters tell nothing of what is open. This predictor therefore gives "(",
    "[", ")", "]" and a letter their mean probabilities over all depths and kinds. What it loses is the
    information that the open brackets give about the next character: the entropy of these means less the mean
    over d of H(M(d)).
    """
    steps = [_moves(depth) for depth in range(DEPTH + 1)]
    opening, other, closing, letter = np.mean(steps, axis=0)
    mean = [opening, other, closing / 2, closing / 2, letter]  # both kinds are as often the innermost
    return _entropy(mean) - float(np.mean([_entropy(step) for step in steps]))


def _orders() -> np.ndarray:
    """For each of the last two letters, the eight letters from the most to the least frequent: 8 x 8 x 8."""
    random, count = np.random.RandomState(0), len(LETTERS)
    return np.array([random.permutation(count) for _ in range(count**2)]).reshape(count, count, count)


def _moves(depth: int) -> list[float]:
    """Probabilities of "(", "[", the closing bracket that agrees, and a letter."""
    opening = OPENING / 16 if depth < DEPTH else 0.0
    closing = CLOSING / 16 if depth > 0 else 0.0
    return [opening, opening, closing, 1 - 2 * opening - closing]


def _entropy(probabilities: list[float] | np.ndarray) -> float:
    positive = np.array([p for p in probabilities if p > 0])
    return float(-(positive * np.log(positive)).sum())
