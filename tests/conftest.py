"""Fixtures that tests of several folders use."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from helpers.figures import style


@pytest.fixture
def course_style():
    """The course's look of figures, in no window; afterwards what was set before, and no figure is open."""
    with mpl.rc_context():
        mpl.use("agg")
        style.use()
        yield
        plt.close("all")
