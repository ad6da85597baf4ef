"""Exercises: stubs wait, solutions pass, mistakes are edits of them and named, nothing is left behind."""

import inspect
import math
import threading
from collections.abc import Callable
from textwrap import dedent

import nbformat
import numpy as np
import pytest
import torch
from scipy.stats import t as student_t
from torch import nn
from torch.nn import functional as F

from helpers import ROOT
from helpers.analysis import stats
from helpers.lessons import EXERCISES, calling, checks
from helpers.lessons.checks import check, hint, solution, unsolved
from helpers.lessons.diagnosis import Exercise, returned_as

ALL = {exercise.name: exercise for lesson in EXERCISES.values() for exercise in lesson}


@pytest.fixture(autouse=True)
def fresh_session(monkeypatch):
    monkeypatch.setattr(checks, "_solved", set())
    monkeypatch.setattr(checks, "_hints_given", {})


def stub_from_lessons(name: str) -> Callable:
    """The stub as the one lesson that checks it has it."""
    call = f'check("{name}", {name})'
    cells = [
        c for path in (ROOT / "notebooks").glob("*.ipynb") for c in nbformat.read(path, as_version=4).cells
    ]
    (stub,) = [cell.source for cell in cells if cell.cell_type == "code" and call in cell.source]
    scope: dict = {"nn": nn, "__name__": "stub"}
    exec(stub.replace(call, ""), scope)
    return scope[name]


@pytest.mark.parametrize("name", ALL)
def test_the_lessons_stub_waits_for_an_answer_and_has_the_solutions_arguments(name, said):
    stub = stub_from_lessons(name)
    assert said(name, stub) == f"{name}: waits for your answer.\n"
    assert inspect.signature(stub) == inspect.signature(ALL[name].answer)


@pytest.mark.parametrize("name", ALL)
def test_the_solution_passes_as_it_is_printed(name, said, capsys):
    solution(name)
    scope = {"torch": torch, "F": F, "nn": nn, "__name__": "lesson"}  # what the lessons import
    scope |= {"student_t": student_t, "interval": stats.interval, "verdict": stats.verdict}
    exec(capsys.readouterr().out, scope)
    assert said(name, scope[name]).startswith(f"{name}: correct.")


# Mistakes: edits of the solution.


def parts(snippet):
    return (snippet,) if isinstance(snippet, str) else snippet


SINGLE = [
    pytest.param(exercise, right, wrong, words, id=f"{name}-{i}-{j}")
    for name, exercise in ALL.items()
    for i, (right, table) in enumerate(exercise.mistakes.items())
    for j, (wrong, words) in enumerate(table.items())
]


@pytest.mark.parametrize(("exercise", "right", "wrong", "words"), SINGLE)
def test_each_mistake_is_an_edit_of_the_solution_and_is_named_by_its_words(exercise, right, wrong, words):
    source = dedent(inspect.getsource(exercise.answer))
    for snippet, other in zip(parts(right), parts(wrong), strict=True):
        assert source.count(snippet) == 1, snippet
        source = source.replace(snippet, other)
    mistaken = exercise.edited(((right, wrong),))
    assert mistaken is not None
    (found,) = exercise.diagnose(mistaken)
    assert found == words or (exercise.apart and found.endswith(f": {words}"))


@pytest.mark.parametrize("name", ALL)
def test_pairs_of_mistakes_are_named(name):
    """Four pairs of each exercise, drawn by its name: each is reproduced, by itself or under another name."""
    exercise = ALL[name]
    single = [(r, w) for r, table in exercise.mistakes.items() for w in table]
    draw = torch.Generator().manual_seed(len(name))
    tried = 0
    for _ in range(200):
        a, b = (single[i] for i in torch.randint(len(single), (2,), generator=draw))
        mistaken = None if a[0] == b[0] else exercise.edited((a, b))
        if mistaken is None:
            continue
        found = exercise.diagnose(mistaken)
        assert not any("has no name for" in words for words in found), (a, b, found)
        tried += 1
        if tried == 4:
            return
    assert len(exercise.mistakes) == 1 or tried


# Beyond single answers: what every check does.


def test_an_unknown_name_is_refused_with_the_names_that_exist():
    for call in (
        lambda: check("batch_norm", print),
        lambda: solution("batch_norm"),
        lambda: hint("batch_norm"),
    ):
        with pytest.raises(ValueError, match=r"no exercise 'batch_norm'.*batch_norm_backward"):
            call()
    with pytest.raises(ValueError, match=r"no lesson '3'.*04"):
        unsolved("3")


@pytest.mark.parametrize("name", ALL)
def test_hints_come_one_after_the_other_and_the_last_stays(name, capsys):
    hints = ALL[name].hints
    assert 2 <= len(hints) <= 3
    for i, text in enumerate(hints, start=1):
        hint(name)
        assert capsys.readouterr().out.startswith(f"{name}, hint {i} of {len(hints)}: {text}\n")
    hint(name)
    out = capsys.readouterr().out
    assert hints[-1] in out
    assert f'solution("{name}")' in out


def test_a_lesson_says_what_is_not_solved_yet(capsys):
    unsolved("04")
    assert capsys.readouterr().out.startswith(
        "Lesson 04: 0 of 3 exercises solved.\n  not yet: batch_norm_forward;"
    )
    check("batch_norm_forward", ALL["batch_norm_forward"].answer)
    check("whitening_matrix", ALL["whitening_matrix"].answer)
    capsys.readouterr()
    unsolved("04")
    out = capsys.readouterr().out
    assert out.startswith("Lesson 04: 1 of 3 exercises solved.\n")
    assert "not yet: batch_norm_forward;" not in out
    check("batch_norm_forward", lambda x, weight, bias, eps=1e-5: x)
    capsys.readouterr()
    unsolved("04")
    assert "0 of 3" in capsys.readouterr().out


def half_done(w, threshold):
    size = w.abs() - threshold
    raise NotImplementedError
    return size


def of_torch(images, train_images):
    return torch.histc(images.byte(), 256, 0, 255)  # "histogram_cpu" not implemented for 'Byte'


class NoForward(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forwards(self, x):
        return x


def test_only_the_untouched_stub_waits(said):
    assert "put your lines in its place" in said("soft_threshold", half_done)
    assert "it stops with NotImplementedError" in said("standardize", of_torch)
    assert "it stops with NotImplementedError" in said("BatchNorm", NoForward)


def stops(w, threshold):
    size = w.abs()
    return size.view(3, -5)


def test_an_error_is_shown_with_the_learners_own_line(said):
    out = said("soft_threshold", stops)
    assert "it stops with RuntimeError on w = [-3, -0.7, -0.2, 0, 0.1, 0.6, 2.5], threshold = 0.5" in out
    assert "in `return size.view(3, -5)`: " in out


def leaves_python(w, threshold):
    raise SystemExit


def without_end(w, threshold):
    return without_end(w, threshold)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (leaves_python, "it stops with SystemExit"),
        (without_end, "it stops with RecursionError"),
        (lambda w: w, "it stops with TypeError"),
        (lambda w, threshold: w.to("meta"), "a tensor of numbers is asked for"),
        (lambda w, threshold: w.to(torch.complex128), "is complex"),
        (lambda w, threshold: (value for value in w), "is a generator, not a tensor"),
        (lambda w, threshold: {"w": w}, "is a dict, not a tensor"),
        (lambda w, threshold: w.numpy(), "is a ndarray, not a tensor"),
    ],
)
def test_whatever_an_answer_does_is_told(answer, words, said):
    assert words in said("soft_threshold", answer)


def test_a_layer_instead_of_its_class_is_told(said):
    assert "pass `BatchNorm` itself" in said("BatchNorm", nn.BatchNorm2d(3))


def test_a_result_that_the_next_call_overwrites_is_judged_as_it_was(said):
    kept = torch.zeros(7, dtype=torch.float64)

    def answer(w, threshold):
        result = kept[: w.numel()].view(w.shape)
        result.copy_(F.softshrink(w, threshold))
        return result

    assert "correct" in said("soft_threshold", answer)


@pytest.mark.parametrize("given", [5, torch.zeros(3), None])
def test_what_is_no_function_is_told(given, said):
    assert "pass `soft_threshold` itself, without brackets" in said("soft_threshold", given)


def test_the_fallback_shows_the_smallest_failing_input_and_the_first_difference(said):
    out = said(
        "batch_norm_forward", lambda x, weight, bias, eps=0.1: x.sin() * weight.sum() + bias.sum() * eps
    )
    assert "for x = [[1, 2], [5, 4], [3, -6]], weight = [2, -1], bias = [1, 0.5], eps = 0.5" in out
    assert "the result[0, 0] is " in out
    assert "it should be " in out
    assert "has no name for" in out


# Words.


def largest(values):
    name = max(values, key=values.get)
    return name, values[name]


WORD_AND_NUMBER = Exercise(
    largest,
    cases=[({"a": 1.5, "b": 2.5},), ({"a": 3.5, "b": 0.5},)],
    mistakes={},
    hints=(),
    praise="",
    look=returned_as("the name", "the value"),
)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda values: ("B", largest(values)[1]), "the name is 'B': return one of these words exactly"),
        (lambda values: (1, largest(values)[1]), "the name is 1: return one of these words exactly"),
        (lambda values: (np.str_("B"), 2.5), "the name is 'B': return one of these words exactly"),
        (lambda values: (largest(values)[0], "2.5"), "the value is '2.5': one number is asked for"),
        (lambda values: ("2.5", largest(values)[0]), "the name is '2.5': return one of these words exactly"),
        (lambda values: largest(values)[::-1], "in another order: it should be the name, the value"),
    ],
)
def test_a_wrong_word_beside_a_number_is_not_taken_for_another_order(answer, words):
    (found,) = WORD_AND_NUMBER.diagnose(answer)
    assert words in found


def test_a_word_of_numpy_is_a_word():
    assert WORD_AND_NUMBER.diagnose(lambda values: (np.str_(largest(values)[0]), largest(values)[1])) == []


# Time.


def endless(w, threshold):
    while True:
        try:
            w = w + 0
        except ValueError:
            continue


def swallows(w, threshold):
    while True:
        try:
            w = w + 0
        except:  # noqa: E722
            continue


@pytest.mark.parametrize("answer", [endless, swallows])
@pytest.mark.parametrize("in_thread", [False, True])
def test_an_answer_that_never_ends_is_told_and_nothing_is_left_running(
    answer, in_thread, capsys, monkeypatch
):
    monkeypatch.setattr(calling, "SECONDS", 0.3)
    before = threading.active_count()
    if in_thread:
        thread = threading.Thread(target=check, args=("soft_threshold", answer))
        thread.start()
        thread.join()
    else:
        check("soft_threshold", answer)
    assert threading.active_count() == before
    out = capsys.readouterr().out
    assert "it does not end: stopped after 0.3 seconds" in out
    for _ in range(10_000):  # nothing is raised afterwards
        pass
    assert torch.is_grad_enabled()


def test_a_function_that_ends_in_time_gives_its_result_and_errors_pass():
    assert calling.within(5, lambda a, b: a + b, 1, 2) == 3
    with pytest.raises(ZeroDivisionError):
        calling.within(5, lambda: 1 / 0)


def test_an_import_is_not_stopped(tmp_path, monkeypatch):
    """Half a module would stay in sys.modules."""
    (tmp_path / "slow_to_import.py").write_text(
        "import time\nfor _ in range(8):\n    time.sleep(0.1)\ndone = True\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    def answer():
        import slow_to_import

        return slow_to_import.done

    assert calling.within(0.2, answer)


# Global state, before and after.


def forward(x, weight, bias, eps=1e-5):
    return F.batch_norm(x, None, None, weight, bias, training=True, eps=eps)


def test_a_check_does_not_depend_on_what_was_switched_before_and_leaves_it_so(said):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    try:
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float16)
        torch.use_deterministic_algorithms(True)
        assert "correct" in said("batch_norm_forward", forward)
        assert "correct" in said("BatchNorm", ALL["BatchNorm"].answer)
        assert not torch.is_grad_enabled()
        assert torch.get_default_dtype() == torch.float16
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.set_grad_enabled(True)
        torch.set_default_dtype(torch.float32)
        torch.use_deterministic_algorithms(False)
    assert torch.equal(torch.rand(3), expected)


def test_inference_mode_does_not_matter(said):
    with torch.inference_mode():
        assert "correct" in said("batch_norm_forward", forward)


def switches_off(weight, gradient, lr):
    torch.set_grad_enabled(False)
    torch.set_default_dtype(torch.float16)
    stepped = weight - lr * gradient
    return stepped * weight.norm(dim=1, keepdim=True) / stepped.norm(dim=1, keepdim=True)


def test_what_an_answer_leaves_switched_is_told_and_undone(said):
    out = said("fixed_norm_step", switches_off)
    assert "it leaves gradients switched off" in out
    assert "it leaves another default dtype" in out
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32


# Inputs.

DAMAGE: dict[type, Callable] = {
    torch.Tensor: lambda t: t.data.fill_(1) if t.is_floating_point() else t.fill_(1),
    list: lambda values: values.pop(),
    dict: lambda values: values.popitem(),
}


@pytest.mark.parametrize("name", ALL)
def test_a_changed_input_is_told_and_reaches_neither_reference_nor_next_call(name, said):
    """Each argument in turn is damaged after the right answer has been computed from it."""
    exercise: Exercise = ALL[name]
    if inspect.isclass(exercise.answer):
        pytest.skip("a module's constructor is given numbers")
    for i, (argument, value) in enumerate(zip(exercise.arguments, exercise.cases[0], strict=False)):
        damage = DAMAGE.get(type(value))  # an argument with a default may be in no case
        if damage is None or argument in exercise.changes:
            continue

        def answer(*inputs, damage=damage, i=i):
            result = exercise.answer(*inputs)
            if isinstance(result, torch.Tensor):
                result = result * 1  # not a view of what is damaged next
            damage(inputs[i])
            return result

        out = said(name, answer)
        assert f"it changes {argument} itself" in out or "no gradient can be computed" in out
    assert said(name, exercise.answer).startswith(f"{name}: correct.")


FUNCTIONS = [name for name, exercise in ALL.items() if not inspect.isclass(exercise.answer)]


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if ALL[name].far])
def test_inputs_far_from_zero_tell_lost_digits(name, said):
    """The right formula, its inputs rounded to 1 in float32 only, as a formula that cancels would."""
    exercise = ALL[name]

    def answer(*inputs):
        def coarse(value):
            if isinstance(value, tuple):
                return tuple(map(coarse, value))
            is_far = isinstance(value, torch.Tensor) and value.dtype == torch.float32 and value.mean() > 5_000
            return value.round(decimals=-1) if is_far else value

        return exercise.answer(*map(coarse, inputs))

    answer.__name__ = name
    assert "the digits are lost far from zero" in said(name, answer)


def test_numbers_may_have_been_float32_where_no_type_is_asked_for(said):
    def by_float32(a, b, t):
        d = torch.tensor(a, dtype=torch.float32) - torch.tensor(b, dtype=torch.float32)
        half = t * d.std() / len(d) ** 0.5
        return d.mean(), d.mean() - half, d.mean() + half

    assert "correct" in said("paired_interval", by_float32)
    assert "torch.float32, it should be torch.float64" in said(
        "soft_threshold", lambda w, t: F.softshrink(w.float(), t)
    )


# What a check calls right is what torch computes.


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5), (2, 3, 2, 4)])
def test_the_solutions_of_lesson_04_are_torchs(shape):
    torch.manual_seed(0)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    weight, bias = (torch.randn(3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    y = F.batch_norm(x, None, None, weight, bias, training=True, eps=0.1)
    torch.testing.assert_close(ALL["batch_norm_forward"].answer(x, weight, bias, 0.1), y)
    grad_y = torch.randn_like(y)
    expected = torch.autograd.grad(y, [x, weight, bias], grad_y)
    torch.testing.assert_close(ALL["batch_norm_backward"].answer(grad_y, x, weight, 0.1), expected)


@pytest.mark.parametrize(("shape", "layer"), [((4, 3), nn.BatchNorm1d), ((2, 3, 2, 4), nn.BatchNorm2d)])
def test_the_solutions_module_is_torchs(shape, layer):
    torch.manual_seed(0)
    ours, theirs = ALL["BatchNorm"].answer(3, eps=0.1, momentum=0.3), layer(3, eps=0.1, momentum=0.3)
    for training in (True, True, False):
        x = torch.randn(shape)
        torch.testing.assert_close(ours.train(training)(x), theirs.train(training)(x))
    state = {name: value for name, value in theirs.state_dict().items() if name != "num_batches_tracked"}
    torch.testing.assert_close(dict(ours.state_dict()), state)


@pytest.mark.parametrize("nan", [math.nan, torch.tensor([1.0, math.nan]), [math.nan, 2.0], {"a": math.nan}])
def test_an_input_with_nan_is_not_taken_for_changed(nan):
    watched = calling.Watched(lambda x: 1.0, ["x"], (), list)
    watched(calling.copied(nan))
    assert watched.noted() == []
