"""The figures of lesson 14 show what they should, also where a line leaves its panel."""

import matplotlib.pyplot as plt

from helpers.lessons.norms_for_sequences import figures


def drawn(found):
    """The figure, and for each panel its limits of the gradient and its texts."""
    fig = figures.gradients_by_block(found)
    panels = [(ax.get_ylim(), [text.get_text() for text in ax.texts]) for ax in fig.axes]
    plt.close(fig)
    return fig, panels


WITHIN = {"none": [0.2, 0.1], "pre": [0.2, 0.1], "post": [0.3, 0.4]}


def test_an_exploding_network_leaves_the_panel_and_the_panel_says_so():
    fig, panels = drawn({"fan-in": WITHIN, "unscaled": {**WITHIN, "none": [9e7, 4e4]}})
    for (low, high), _ in panels:
        assert low < 0.1 < 0.4 < high < 10
    said = "none (dotted): 9e+07 to\n4e+04, above the panel"
    assert [said in texts for _, texts in panels] == [False, True]
    assert "none" not in panels[1][1]  # no second label, at an end that is not to be seen
    assert "unscaled: none 9e+07 and 4e+04, pre 0.2 and 0.1, post 0.3 and 0.4" in fig.alt


def test_a_network_without_a_norm_that_stays_within_is_labelled_at_its_end():
    _, [_, (_, texts)] = drawn({"small": WITHIN, "fan-in": WITHIN})
    assert {"none", "pre", "post"} <= set(texts)
