"""The parameters of a lesson: what `retrain`, `seeds` and `device` may be."""

NAMES = ("retrain", "seeds", "device")
DEVICES = ("auto", "cpu", "cuda")
MOST_SEEDS = 1000  # far more than any study plans: a slip, and the live cells would take hours


def check_parameters(retrain: bool, seeds: int, device: str) -> None:
    """Raises ValueError unless a lesson can run with these parameters on this machine.

    retrain: True or False.
    seeds: a whole number from 1 to MOST_SEEDS.
    device: one of DEVICES; "cuda" only where torch sees a GPU.
    """
    from helpers.training.execution import chosen_device  # here: the command checks values without torch

    for name, value in zip(NAMES, (retrain, seeds, device), strict=True):
        if wrong := fault(name, value):
            raise ValueError(wrong)
    chosen_device(device)  # says if there is no GPU here


def fault(name: str, value: object) -> str | None:
    """What is wrong with the value of a parameter, wherever it is to be used; None if nothing is."""
    allowed, right = {
        "retrain": ("True or False", type(value) is bool),
        "seeds": (
            f"a whole number from 1 to {MOST_SEEDS}",
            type(value) is int and 1 <= value <= MOST_SEEDS,
        ),
        "device": (
            "one of " + ", ".join(f'"{device}"' for device in DEVICES),
            isinstance(value, str) and value in DEVICES,
        ),
    }[name]
    if right:
        return None
    text = " (a text; papermill's -p takes True and False as they are written here)"
    hint = text if name == "retrain" and isinstance(value, str) else ""
    return f"{name} is {value!r}{hint}; it must be {allowed}. Change it in the cell of the parameters."
