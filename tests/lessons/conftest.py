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


@pytest.fixture
def is_named(said: Callable[[str, Callable], str]) -> Callable[[str, Callable, str], None]:
    """A function that asserts that a check says these words about an answer, and nothing else is wrong."""

    def asserted(name: str, answer: Callable, words: str) -> None:
        output = said(name, answer)
        assert output.startswith(f"{name}: not yet.")
        assert words in output
        assert output.count("  - ") == 1

    return asserted
