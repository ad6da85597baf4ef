"""Figures with sliders for a reader at a live kernel; the same figure standing still for everyone else."""

import inspect
import os
from collections.abc import Callable
from typing import Any

import ipywidgets
from IPython.display import display

from helpers.figures.style import Figure, show


def explore(draw: Callable[..., Figure], **controls: Any) -> None:
    """Show the figure that `draw` makes, with a control for each parameter that `controls` names.

    In batch and under test (where TQDM_DISABLE is set, which turns the progress bars off as well) nobody can
    move a slider: the figure of draw's defaults is shown by itself.

    Args:
        draw: makes the figure, which carries its alt text. Each parameter has a default, which is where its
            control starts. It is called again when a control is moved, so it should take a fraction of a
            second.
        controls: name of a parameter of `draw` -> what `ipywidgets.interact` takes: (low, high), (low, high,
            step), the choices in a list or tuple of strings, True or False.

    Raises:
        ValueError: a control that `draw` has no parameter for, or a parameter without default.
    """
    parameters = inspect.signature(draw).parameters
    unknown = [name for name in controls if name not in parameters]
    if unknown:
        raise ValueError(
            f"explore() was given a control for {', '.join(unknown)}, but the parameters of "
            f"{draw.__name__}() are {', '.join(parameters) or 'none'}: rename one or the other."
        )
    bare = [name for name, parameter in parameters.items() if parameter.default is parameter.empty]
    if bare:
        raise ValueError(f"give {', '.join(bare)} of {draw.__name__}() a default: where the control starts.")
    defaults = {name: parameter.default for name, parameter in parameters.items()}

    def drawn(**values: Any) -> None:
        show(draw(**defaults | values))

    if os.environ.get("TQDM_DISABLE"):
        drawn()
        return
    # ipywidgets reads where the controls start from the signature.
    drawn.__signature__ = inspect.Signature([parameters[name] for name in controls])
    for name, control in controls.items():
        if isinstance(control, tuple) and isinstance(control[0], str):
            controls[name] = list(control)  # ipywidgets 7, which Colab has, takes no choices in a tuple
    widgets = ipywidgets.interactive(drawn, **controls)
    for widget in widgets.children:
        if "continuous_update" in widget.trait_names():
            widget.continuous_update = False  # draw when the slider is let go, not on its way
    display(widgets)
