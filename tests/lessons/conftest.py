"""What the tests of several lessons' exercises use."""

from collections.abc import Callable

import pytest

from helpers.lessons.checks import check


@pytest.fixture
def said(capsys: pytest.CaptureFixture) -> Callable[[str, Callable], str]:
    """A function that checks an answer to the exercise of that name and returns what is printed."""

    def checked(name: str, answer: Callable) -> str:
        assert check(name, answer) is None
        return capsys.readouterr().out

    return checked
