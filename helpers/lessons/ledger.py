"""The claims of the course, in words: what its sources say, and which lessons put it to the test.

What became of each is not written here: a verdict is computed, by the lessons and from the recorded runs.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """A claim as its source has it.

    words: a statement that may be wrong. lessons: the numbers of those that test it. headline: one of those
    that the course is about, which must not stay undecided. rows: how rows about it begin in a lesson's table
    of verdicts, where they do not begin with its number. source: where its source says it; the words
    themselves name a paper, or popular notes have it.
    """

    words: str
    lessons: tuple[str, ...]
    headline: bool = False
    rows: tuple[str, ...] = ()
    source: str = ""

    @property
    def said_by(self) -> str:
        """Who says it: papers, figures of data/published.json, or popular notes."""
        papers = re.search(r"\(([^()]*\d{4}[^()]*)\)", self.words)
        return self.source or (papers[1] if papers else "popular notes")


CLAIMS: dict[int, Claim] = {
    1: Claim(
        "Rescaling pixel values to a range, or to zero mean and unit variance, loses nothing and can "
        "be undone; [0, 1] scaling is called standardization.",
        ("01",),
    ),
    2: Claim(
        "Histogram equalization spreads the intensities evenly, looks better, cannot be undone, and "
        "helps training.",
        ("01",),
    ),
    3: Claim(
        "Standardization is `x = x - mean/std`.",
        ("01",),
    ),
    4: Claim(
        "Inputs on unequal scales stretch the loss surface, so that gradient descent needs more "
        "steps; equal scales need fewer.",
        ("02",),
        rows=("unequal scales", "equal scales"),
    ),
    5: Claim(
        "Whitened inputs (zero mean, unit variance, uncorrelated) converge faster.",
        ("01", "02"),
        headline=True,
        rows=("whitened inputs",),
    ),
    6: Claim(
        "Saturating activations trap deep networks, because the gradient vanishes; ReLU, small "
        "learning rates and careful initialization help.",
        ("03",),
        rows=("saturating", "ReLU helps", "careful", "small learning rates"),
    ),
    7: Claim(
        "Batch norm keeps activations between -1 and 1.",
        ("04", "05"),
        headline=True,
    ),
    8: Claim(
        "Where no normalization is needed, gamma and beta become 0 and the layer vanishes.",
        ("05",),
        headline=True,
    ),
    9: Claim(
        "At inference the running averages stand in for the batch statistics.",
        ("05",),
    ),
    10: Claim(
        "The means and standard deviations printed in a worked example are right.",
        ("04", "06"),
        source="published.json: worked_example",
    ),
    11: Claim(
        "On an example with 4 channels batch norm has 8 learnable parameters, and layer norm 6.",
        ("06",),
        source="published.json: worked_example",
    ),
    12: Claim(
        "Group norm computes channels / groups x images means, batch norm one for each channel, layer "
        "norm one for each image.",
        ("06",),
        source="published.json: worked_example",
    ),
    13: Claim(
        "Layer norm is `nn.GroupNorm(1, C)`.",
        ("06",),
    ),
    14: Claim(
        "Batch norm does not depend on the batch size; layer and group norm do.",
        ("06",),
        headline=True,
    ),
    15: Claim(
        "Batch norm needs no hyper-parameter; group norm does.",
        ("06",),
    ),
    16: Claim(
        "Batch norm lifts a Fashion-MNIST MLP from 83.5 % to 87.2 % in 10 epochs.",
        ("08",),
        headline=True,
        source="published.json: fashion_mnist_mlp",
    ),
    17: Claim(
        "Batch norm costs time: 37.5 seconds against 28.6, which is 31 % more.",
        ("08",),
        source="published.json: fashion_mnist_mlp",
    ),
    18: Claim(
        "Batch norm regularizes through the noise of its batches.",
        ("08", "09"),
        headline=True,
    ),
    19: Claim(
        "Batch norm makes a network robust to shifts of the input distribution.",
        ("08",),
    ),
    20: Claim(
        "On CIFAR-10 with 44,640 parameters batch norm (73.27 %) beats group norm (71.88 %) and layer "
        "norm (71.51 %).",
        ("07",),
        headline=True,
        source="published.json: cifar10_norms",
    ),
    21: Claim(
        "Batch norm and group norm reach high accuracy earlier than layer norm.",
        ("07",),
        source="published.json: cifar10_norms",
    ),
    22: Claim(
        "Batch norm removes internal covariate shift, the drift of the inputs of each layer, and that "
        "is why it helps.",
        ("10",),
        headline=True,
        rows=("noise is why", "the gradient stays valid", "the growth of norms"),
        source="Ioffe & Szegedy 2015, abstract",
    ),
    23: Claim(
        "Batch norm allows deeper networks and avoids exploding gradients.",
        ("09",),
        headline=True,
    ),
    24: Claim(
        "Batch norm frees from accurate tuning; a VGG with it still trains at a learning rate of 0.5.",
        ("09",),
        headline=True,
        source="Santurkar et al. 2018, figure 1",
    ),
    25: Claim(
        "Group norm is better at small batches, batch norm at large ones.",
        ("09",),
        headline=True,
    ),
    26: Claim(
        "L1 makes weights exactly zero.",
        ("11", "13"),
        headline=True,
    ),
    27: Claim(
        "L2 shrinks every coefficient by the same factor and zeroes none.",
        ("11",),
    ),
    28: Claim(
        "L1 is robust to outliers, L2 is not.",
        ("11",),
    ),
    29: Claim(
        "L1 cannot learn complex patterns, L2 can.",
        ("11", "13"),
    ),
    30: Claim(
        "`weight_decay` is L2 regularization, in SGD and in Adam.",
        ("12",),
        headline=True,
    ),
    31: Claim(
        "On MNIST batch norm (99.58 %) beats group norm (99.51 %) and layer norm (99.48 %) without "
        "regularization.",
        ("13",),
        headline=True,
        source="published.json: mnist_norm_regularization",
    ),
    32: Claim(
        "L1 (0.001) costs accuracy; L2 (0.001) helps layer norm.",
        ("13",),
        headline=True,
        source="published.json: mnist_norm_regularization",
    ),
    33: Claim(
        "Batch norm is for vision, layer norm for language and recurrent networks.",
        ("14",),
        headline=True,
    ),
    34: Claim(
        "A network with fewer than 50,000 parameters reaches 70 % on CIFAR-10 within 20 epochs.",
        ("15",),
        headline=True,
    ),
    35: Claim(
        '"All the parameters for model training are the same, the only difference is the type of '
        'normalization": the recipe as described gives the published accuracies.',
        ("07",),
        headline=True,
        source="published.json: cifar10_norms",
    ),
    36: Claim(
        "Layer norm need not subtract the mean: RMS norm does as well and is quicker (Zhang & "
        "Sennrich 2019).",
        ("06", "14"),
    ),
    37: Claim(
        "A transformer needs no norm: tanh(alpha x) does as well (Zhu et al. 2025), if there is enough text.",
        ("14",),
    ),
    38: Claim(
        "Post-norm needs warm-up, pre-norm does not (Xiong et al. 2020).",
        ("14",),
        headline=True,
    ),
    39: Claim(
        "Batch norm fails on language because the statistics of training and inference differ (Shen "
        "et al. 2020; Wang, Wu & Huang 2022), and over time it looks ahead.",
        ("14",),
        headline=True,
    ),
    40: Claim(
        "Batch norm helps recurrent networks, most on permuted sequences, if gamma starts at 0.1 "
        "(Cooijmans et al. 2017).",
        ("14",),
    ),
    41: Claim(
        "Batch norm is blind to the first and second derivatives of the loss.",
        ("05",),
        source="Zhou et al. 2022",
    ),
    42: Claim(
        "In a network with norms weight decay is no regularizer: it sets the effective learning rate "
        "(van Laarhoven 2017; Zhang et al. 2019; D'Angelo et al. 2024).",
        ("12", "13"),
        headline=True,
    ),
    43: Claim(
        "1 / (rate x decay) is a memory, in steps, and its best value, in epochs, is stable (Wang & "
        "Aitchison 2025).",
        ("12",),
    ),
    44: Claim(
        "With norms, decay and a falling rate gradients grow at the end of training: ‖g‖ / ‖w‖ "
        "approaches sqrt(2 decay / rate) (Defazio 2025).",
        ("12",),
    ),
    45: Claim(
        "What regularizes is the noise of the statistics (Hoffer et al. 2017; Summers & Dinneen 2020).",
        ("09",),
    ),
    46: Claim(
        "With shortcuts that start small a deep network needs no norm (De & Smith 2020).",
        ("09",),
    ),
    47: Claim(
        "Query-key norm widens the range of learning rates (Wortsman et al. 2023).",
        ("14",),
    ),
    48: Claim(
        "Averaging two networks collapses the variance of their features; new statistics repair it "
        "(Jordan et al. 2023).",
        ("05",),
    ),
}
