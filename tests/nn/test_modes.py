"""Modes are put back module by module, whatever the module, also after an error; so are random numbers."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.images import datasets
from helpers.images.batches import Augment, Batches
from helpers.lessons.l1_l2_from_scratch import sparse_nets
from helpers.lessons.layer_group_instance_rms_norm import costs
from helpers.lessons.why_batch_norm_helps import networks as many
from helpers.nn import modes, networks, norms
from helpers.nn.layers import Dropout
from helpers.training import measures, stacked
from helpers.training.execution import Execution
from helpers.training.loop import evaluate, fit, predict
from helpers.training.recipe import Recipe

FLOAT32 = Execution("cpu", "float32", 1)
DIGITS = datasets.load("digits").subset(60)
QUICK = Recipe(epochs=1, batch_size=20, lr=0.05)


class StaysFrozen(nn.Sequential):
    """The pattern of torchvision and timm: train() keeps the batch norms in evaluation mode."""

    def train(self, mode: bool = True):
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


class Merges(nn.Linear):
    """The pattern of low-rank adapters: train() and eval() also change the weight."""

    merged = False

    def train(self, mode: bool = True):
        super().train(mode)
        if self.merged == mode:
            with torch.no_grad():
                self.weight.add_(1.0 if not mode else -1.0)
            self.merged = not mode
        return self


class TwoParents(nn.Module):
    """One dropout that stands below two modules of different modes."""

    def __init__(self):
        super().__init__()
        shared = nn.Dropout(0.5)
        self.first, self.second = nn.Sequential(shared), nn.Sequential(shared)
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.second(self.first(x.flatten(1))))


def net(norm=nn.BatchNorm2d, kind=nn.Sequential):
    torch.manual_seed(0)
    return kind(
        nn.Conv2d(1, 4, 3, padding=1),
        norm(4),
        nn.ReLU(),
        nn.Sequential(nn.Dropout(0.1), nn.Sequential(nn.BatchNorm2d(4), nn.ReLU())),
        nn.Flatten(),
        nn.Linear(256, 10),
    )


def state(model):
    return [module.training for module in model.modules()]


def frozen(*path):
    def freeze(model):
        module = model
        for step in path:
            module = module[step]
        module.eval()

    return freeze


def only_the_head_trains(model):
    model.eval()
    model[-1].train()


def inner_trains_below_a_frozen_block(model):
    model[3].eval()
    model[3][1].train()


MIXES = {
    "all in training": lambda model: None,
    "all in evaluation": lambda model: model.eval(),
    "one batch norm frozen": frozen(1),
    "a block frozen": frozen(3),
    "a layer in a block frozen": frozen(3, 1, 0),
    "dropout frozen": frozen(3, 0),
    "only the head trains": only_the_head_trains,
    "a layer of a frozen block trains": inner_trains_below_a_frozen_block,
    "only the outermost in training": lambda model: [child.eval() for child in model],
}
USES = {
    "predict": lambda model: predict(model, DIGITS.test_images[:5], DIGITS, FLOAT32),
    "evaluate": lambda model: evaluate(model, DIGITS, FLOAT32),
    "fit": lambda model: fit(model, DIGITS, QUICK, 0, FLOAT32),
    **{f"measure {name}": lambda m, f=f: f(m, DIGITS, FLOAT32) for name, f in measures.MEASURES.items()},
}


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("use", USES)
def test_every_module_has_its_own_mode_afterwards(use, mix):
    model = net()
    MIXES[mix](model)
    before = state(model)
    USES[use](model)
    assert state(model) == before


@pytest.mark.parametrize("use", [use for use in USES if use != "measure sparsity"])
def test_and_after_an_error(use):
    def fails(*_):
        raise KeyboardInterrupt

    model = net()
    model[3].eval()
    before = state(model)
    model[5].register_forward_hook(fails)
    with pytest.raises(KeyboardInterrupt):
        USES[use](model)
    assert state(model) == before


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("first", [True, False])
def test_a_module_below_two_others_has_its_own_mode_too(first, shared):
    model = TwoParents()
    model.first.training, model.second.training, model.first[0].training = first, not first, shared
    before = state(model)
    evaluate(model, DIGITS, FLOAT32)
    assert state(model) == before


def test_a_module_that_does_more_in_train_than_set_its_mode_is_put_back_as_well():
    model = nn.Sequential(nn.Flatten(), Merges(64, 10))
    predict(model, DIGITS.test_images[:3], DIGITS, FLOAT32)
    assert not model[1].merged
    model[1].eval()
    predict(model, DIGITS.test_images[:3], DIGITS, FLOAT32)
    assert model[1].merged


@pytest.mark.parametrize("norm", [nn.BatchNorm2d, norms.BatchNorm2d])
@pytest.mark.parametrize("mix", MIXES)
def test_fit_moves_the_statistics_of_no_frozen_batch_norm_and_of_every_other(norm, mix):
    model = net(norm)
    MIXES[mix](model)
    all_frozen = not any(state(model))  # then the model as a whole is trained
    layers = [m for m in model.modules() if hasattr(m, "running_mean")]
    before = copy.deepcopy([(m.running_mean, m.running_var, m.num_batches_tracked) for m in layers])
    fit(model, DIGITS, Recipe(epochs=2, batch_size=20, lr=0.05), 0, FLOAT32)
    for layer, (mean, var, count) in zip(layers, before, strict=True):
        if layer.training or all_frozen:
            assert layer.num_batches_tracked == count + 6  # 3 batches an epoch; evaluation adds none
            assert not torch.equal(layer.running_mean, mean)
        else:
            assert layer.num_batches_tracked == count
            assert torch.equal(layer.running_mean, mean)
            assert torch.equal(layer.running_var, var)


@pytest.mark.parametrize("kind", [nn.Dropout, Dropout])
def test_fit_drops_nothing_in_a_frozen_dropout(kind):
    def trained(frozen):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), kind(0.5), nn.Linear(64, 10))
        if frozen:
            model[1].eval()
        return fit(model, DIGITS, QUICK, 0, FLOAT32).epochs[0]["train_loss"], model[2].weight

    torch.manual_seed(0)
    plain = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    loss = fit(plain, DIGITS, QUICK, 0, FLOAT32).epochs[0]["train_loss"]
    assert trained(True)[0] == loss
    assert torch.equal(trained(True)[1], plain[1].weight)
    assert trained(False)[0] != loss


def test_fit_respects_a_model_that_freezes_by_its_own_train():
    model = net(kind=StaysFrozen)
    before = model[1].running_mean.clone()
    fit(model, DIGITS, Recipe(epochs=2, batch_size=20, lr=0.05), 0, FLOAT32)
    assert torch.equal(model[1].running_mean, before)
    assert model[1].training  # as before fit: train() had not been called yet


def test_a_model_in_evaluation_mode_is_trained_as_one_in_training_mode():
    losses = []
    for mode in (True, False):
        model = net().train(mode)
        losses.append(fit(model, DIGITS, QUICK, 0, FLOAT32).epochs[0]["train_loss"])
    assert losses[0] == losses[1]


# What else belongs to the process or to the caller


class Remembers(nn.Module):
    """Keeps a table that it makes in its first forward pass, as positional encodings do."""

    def __init__(self):
        super().__init__()
        self.layer, self.table = nn.Linear(64, 10), None

    def forward(self, x):
        x = x.flatten(1)
        if self.table is None:
            self.table = torch.linspace(0.5, 1.5, x.shape[1]) + 0 * x[0]
        return self.layer(x * self.table)


def test_logits_are_ordinary_tensors_that_a_temperature_can_be_learned_from():
    model = net()
    logits = predict(model, DIGITS.test_images, DIGITS, FLOAT32)
    assert not logits.is_inference()
    assert not logits.requires_grad
    temperature = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.LBFGS([temperature], max_iter=20)

    def loss():
        optimizer.zero_grad()
        value = F.cross_entropy(logits * temperature, DIGITS.test_labels)
        value.backward()
        return value

    before = loss().item()
    optimizer.step(loss)
    assert loss().item() < before
    logits.add_(1)  # and one may write to them


@pytest.mark.parametrize("use", [use for use in USES if use not in ("fit", "measure sparsity")])
def test_what_a_module_keeps_from_an_evaluation_can_be_trained_with(use):
    model = Remembers()
    USES[use](model)
    assert fit(model, DIGITS, QUICK, 0, FLOAT32).status == "done"


def test_no_tensor_of_a_model_is_an_inference_tensor_after_an_evaluation():
    model = nn.Sequential(
        nn.Flatten(), nn.utils.spectral_norm(nn.Linear(64, 8)), nn.LazyLinear(10), nn.LazyBatchNorm1d()
    )
    evaluate(model, DIGITS, FLOAT32)
    tensors = (model[1].weight, *model.parameters(), *model.buffers())
    assert not any(tensor.is_inference() for tensor in tensors)
    assert fit(model, DIGITS, QUICK, 0, FLOAT32).status == "done"


def process_state():
    return (
        torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_num_threads(),
        torch.get_default_dtype(), torch.is_autocast_enabled("cpu"), torch.backends.cudnn.enabled,
        torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32,
        torch.are_deterministic_algorithms_enabled(), torch.get_rng_state().tolist(),
    )  # fmt: skip


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("use", [*USES, "build"])
def test_the_process_is_left_as_it_was(use, fails):
    def build(_):
        networks.build("batch", DIGITS, 0, network="mlp", activation="gelu" if fails else "relu")

    def stop(*_):
        raise KeyboardInterrupt

    model = net()
    if fails and use != "measure sparsity":
        model[5].register_forward_hook(stop)
    before = process_state()
    try:
        (USES | {"build": build})[use](model)
        stopped = False
    except (KeyboardInterrupt, ValueError):
        stopped = True
    assert stopped == (fails and use != "measure sparsity")
    assert process_state() == before


@pytest.mark.parametrize("seeds_it", ["fit", "build"])
def test_work_on_the_cpu_seeds_no_other_device(seeds_it, monkeypatch):
    seeded, model = [], net()
    for module in (torch.cuda, torch.xpu, torch.mps):
        for name in ("manual_seed", "manual_seed_all"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, lambda seed, name=name: seeded.append(name))
    (USES | {"build": lambda _: networks.build("batch", DIGITS, 0)})[seeds_it](model)
    assert seeded == []


@pytest.fixture
def clean():
    yield
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)


CALLERS = {
    "float64 is the default type": lambda: torch.set_default_dtype(torch.float64),
    "bfloat16 is the default type": lambda: torch.set_default_dtype(torch.bfloat16),
    "gradients are off": lambda: torch.set_grad_enabled(False),
}
AUGMENTED = Recipe(epochs=1, batch_size=20, lr=0.05, augment=Augment(1, True, 20.0))


def losses(model, execution=FLOAT32):
    run = fit(model, DIGITS, AUGMENTED, 3, execution)
    return [(epoch["train_loss"], epoch["test_loss"]) for epoch in run.epochs]


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("kind", [nn.Dropout, Dropout])
@pytest.mark.parametrize("caller", CALLERS)
def test_what_the_caller_has_set_for_the_process_changes_no_bit_of_a_training(caller, kind):
    models_ = []
    for _ in range(2):
        model = net()
        model[3][0] = kind(0.3)
        models_.append(model)
    expected = losses(models_[0])
    CALLERS[caller]()
    before = process_state()
    assert losses(models_[1]) == expected
    assert process_state() == before


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, lambda: torch.autocast("cpu")])
def test_nor_does_a_context_that_the_training_is_called_in(mode, precision):
    execution = Execution("cpu", precision, 1)
    expected = losses(net(), execution)
    model = net()
    with mode():
        assert losses(model, execution) == expected


def test_in_bfloat16_every_step_is_computed_with_the_weights_of_the_step_before():
    # An autocast around the whole training would keep the first weights in its cache: the loss would not fall
    def trained(precision):
        model, recipe = (
            net(lambda _: nn.Identity()),
            Recipe(epochs=6, batch_size=20, lr=0.1, schedule="constant"),
        )
        model[3] = nn.Identity()
        run = fit(model, DIGITS, recipe, 3, Execution("cpu", precision, 1))
        return [epoch["train_loss"] for epoch in run.epochs]

    assert trained("bfloat16") == pytest.approx(trained("float32"), rel=0.1)
    assert trained("bfloat16")[-1] < 0.7 * trained("bfloat16")[0]


@pytest.mark.usefixtures("clean")
def test_batches_are_the_same_whatever_the_default_type():
    def first():
        more = {"seed": 1, "augment": Augment(2, True, 30.0)}
        return next(
            iter(Batches(DIGITS.train_images, DIGITS.train_labels, DIGITS.mean, DIGITS.std, 40, **more))
        )

    x, y = first()
    torch.set_default_dtype(torch.float64)
    again, labels = first()
    assert again.dtype == torch.float32
    assert torch.equal(again, x)
    assert torch.equal(labels, y)


ROWS = torch.ones(6, 3, dtype=torch.float64).cumsum(dim=0), torch.arange(6) % 2
NET = many.start([3, 4, 2], [0])
GRADIENTS = {
    "stacked": lambda: stacked.train(ROWS, [3, 4, 2], torch.tanh, 1.0, [0.1], [0], 3, [ROWS]),
    "sparse_nets": lambda: sparse_nets.train(
        sparse_nets.drawn([3, 4, 2], [0], 1), ROWS, [0.1], [0.0], [0], 3
    ).flat(),
    "why_batch_norm_helps": lambda: many.gradients(
        lambda net: (ROWS[0].float() @ net[0][0].mT).relu() @ net[1][0].mT, NET, ROWS[1][None]
    )[1][0][0],
    "costs": lambda: torch.tensor(costs.kept(torch.tanh, torch.ones(8))),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_what_needs_gradients_has_them_where_the_caller_turned_them_off(name):
    expected = GRADIENTS[name]()
    assert expected.count_nonzero() > 0
    with torch.no_grad():
        assert torch.equal(GRADIENTS[name](), expected)
        costs.forward_and_backward(torch.tanh, torch.ones(8), [])()
        assert not torch.is_grad_enabled()


def test_seeded_gives_torchs_random_numbers_of_that_seed_and_goes_on_where_it_was():
    torch.manual_seed(1)
    expected = torch.rand(6)
    torch.manual_seed(1)
    first = torch.rand(3)
    with modes.seeded(7):
        inside = torch.rand(4)
    assert torch.equal(torch.cat([first, torch.rand(3)]), expected)
    torch.manual_seed(7)
    assert torch.equal(torch.rand(4), inside)
