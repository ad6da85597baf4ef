"""Networks for sequences: norms, block and cell equal torch's; what each norm sees of other positions."""

import copy
import math

import pytest
import torch
from torch import nn

from helpers.nn import modes, networks, sequences
from helpers.nn.sequences import Attention, BatchNormByPosition, Block, LstmCell, RowLstm, sequence_norm

N, T, C = 4, 6, 8
X = torch.randn(N, T, C, generator=torch.Generator().manual_seed(0)) * 2 + 1
TORCHS = {"layer": nn.LayerNorm(C, bias=False), "rms": nn.RMSNorm(C), "batch": nn.BatchNorm1d(C)}


def any_weights(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return module


def outcome(module: nn.Module, x: torch.Tensor, call=lambda module, x: module(x)) -> dict[str, torch.Tensor]:
    x = x.clone().requires_grad_()
    y = call(module, x)
    y.sin().sum().backward()
    found = {"y": y.detach(), "gradient of x": x.grad}
    found |= {f"gradient of {name}": parameter.grad for name, parameter in module.named_parameters()}
    return found | dict(module.named_buffers())


def transposed(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """For torch's batch norm, which wants the channels of a sequence second."""
    return module(x.transpose(1, 2)).transpose(1, 2)


@pytest.mark.parametrize("own_layers", [False, True])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", TORCHS)
def test_norms_of_sequences_equal_torch_s(name, training, own_layers):
    theirs = any_weights(copy.deepcopy(TORCHS[name])).train(training)
    ours = sequence_norm(name, C, T, own_layers).train(training)
    ours.load_state_dict(theirs.state_dict())
    expected = outcome(theirs, X, transposed if name == "batch" else lambda module, x: module(x))
    torch.testing.assert_close(outcome(ours, X), expected)


@pytest.mark.parametrize("own_layers", [False, True])
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_by_position_is_torch_s_at_each_position(training, own_layers):
    ours = any_weights(BatchNormByPosition(C, T, own_layers)).train(training)
    alone = copy.deepcopy(ours)
    theirs = [any_weights(nn.BatchNorm1d(C)).train(training) for _ in range(T)]
    for t, norm in enumerate(theirs):
        norm.weight, norm.bias = ours.weight, ours.bias
        expected = norm(X[:, t])
        torch.testing.assert_close(alone.at(X[:, t], t), expected)
        torch.testing.assert_close(copy.deepcopy(ours)(X)[:, t], expected)
    ours(X[:, :2])
    for t, norm in enumerate(theirs):
        torch.testing.assert_close(alone.running_mean[t], norm.running_mean)
        torch.testing.assert_close(alone.running_var[t], norm.running_var)
        seen = norm.running_var if t < 2 else torch.ones(C)
        torch.testing.assert_close(ours.running_var[t], seen)  # a shorter window leaves the rest alone


def test_dynamic_tanh_is_its_formula_and_has_three_kinds_of_parameters():
    norm = sequences.DynamicTanh(C, 0.7)
    assert {name: p.numel() for name, p in norm.named_parameters()} == {"alpha": 1, "weight": C, "bias": C}
    any_weights(norm)
    expected = torch.stack(
        [
            torch.stack([norm.weight[c] * torch.tanh(norm.alpha * X[..., c]) + norm.bias[c]], dim=-1)
            for c in range(C)
        ],
        dim=-2,
    ).squeeze(-1)
    torch.testing.assert_close(norm(X), expected)


@pytest.mark.parametrize("name", sequences.SEQUENCE_NORMS)
def test_a_norm_looks_ahead_only_if_it_pools_over_time_and_is_in_training(name):
    for training in (True, False):
        norm = sequence_norm(name, C, T).train(training)
        x = X.clone().requires_grad_()
        (norm(x)[0, 2] * torch.arange(C)).sum().backward()
        later, others = x.grad[0, 3:].abs().sum() > 0, x.grad[1:, 2].abs().sum() > 0
        assert later == (name == "batch" and training)
        assert others == (name.startswith("batch") and training)


def test_an_unknown_norm_is_refused():
    with pytest.raises(
        ValueError, match="unknown normalization of sequences 'group'; choose one of none, la"
    ):
        sequence_norm("group", C, T)
    with pytest.raises(ValueError, match="unknown norm of an LSTM 'rms'; choose one of none, batch, layer"):
        LstmCell("rms", 2, 3, 4)


@pytest.mark.parametrize("post", [False, True])
def test_a_block_equals_torch_s_encoder_layer(post):
    """That of torch, with the weights copied and a causal mask."""
    heads = 2
    norms = (sequence_norm("layer", C, T), sequence_norm("layer", C, T))
    ours = Block(Attention(C, heads), sequences.mlp(C), norms, post)
    any_weights(ours)
    theirs = nn.TransformerEncoderLayer(
        C, heads, 4 * C, 0.0, "gelu", batch_first=True, norm_first=not post, bias=False
    )
    names = {
        "self_attn.in_proj_weight": "attention.inputs.weight",
        "self_attn.out_proj.weight": "attention.output.weight",
        "linear1.weight": "mlp.0.weight",
        "linear2.weight": "mlp.2.weight",
        "norm1.weight": "norm1.weight",
        "norm2.weight": "norm2.weight",
    }
    state = ours.state_dict()
    theirs.load_state_dict({name: state[own] for name, own in names.items()})
    mask = nn.Transformer.generate_square_subsequent_mask(T)
    expected = outcome(theirs, X, lambda module, x: module(x, src_mask=mask, is_causal=True))
    found = outcome(ours, X)
    for name, own in names.items():
        torch.testing.assert_close(found.pop(f"gradient of {own}"), expected.pop(f"gradient of {name}"))
    torch.testing.assert_close(found, expected)


def test_query_key_norm_bounds_the_logits_of_attention():
    attention = any_weights(Attention(C, 2, norm_queries=True))
    nn.init.ones_(attention.query_norm.weight), nn.init.ones_(attention.key_norm.weight)
    q, k, _ = attention.inputs(100 * X).unflatten(-1, (3, 2, -1)).unbind(2)
    logits = torch.einsum("nqhc,nkhc->nhqk", attention.query_norm(q), attention.key_norm(k)) / math.sqrt(
        C / 2
    )
    assert logits.abs().max() <= math.sqrt(C / 2) + 1e-4
    assert [tuple(p.shape) for p in (attention.query_norm.weight, attention.key_norm.weight)] == [(4,), (4,)]


@pytest.mark.parametrize("place", sequences.PLACES)
@pytest.mark.parametrize("norm", sequences.SEQUENCE_NORMS)
def test_in_evaluation_no_later_character_has_a_part_in_a_prediction(norm, place):
    model = sequences.build(norm, 5, T, 0, depth=2, heads=2, width=C, place=place).eval()
    tokens = torch.randint(5, (N, T), generator=torch.Generator().manual_seed(2))
    changed = tokens.clone()
    changed[:, 3:] = (changed[:, 3:] + 1) % 5
    before, after = model(tokens), model(changed)
    assert before.shape == (N, T, 5)
    torch.testing.assert_close(before[:, :3], after[:, :3])
    assert not torch.allclose(before[:, 3:], after[:, 3:])


def test_one_seed_gives_the_same_other_weights_whatever_the_norm():
    plain = dict(sequences.build("none", 5, T, 3, width=C, heads=2).named_parameters())
    for norm in sequences.SEQUENCE_NORMS:
        model = dict(sequences.build(norm, 5, T, 3, width=C, heads=2).named_parameters())
        assert all(torch.equal(model[name], weight) for name, weight in plain.items())
    assert not torch.equal(
        sequences.build("none", 5, T, 4, width=C, heads=2).last.weight, plain["last.weight"]
    )


@pytest.mark.parametrize(("init", "std"), [("small", 0.02), ("fan-in", 1 / 8)])
def test_initial_weights_are_as_large_as_said(init, std):
    model = sequences.build("layer", 65, 32, 0, depth=2, width=64, init=init)
    block, halved = model.blocks[0], std / 2  # sqrt(2 depth) is 2
    assert block.attention.inputs.weight.std().item() == pytest.approx(std, rel=0.05)
    assert block.attention.output.weight.std().item() == pytest.approx(halved, rel=0.05)
    wide = 0.02 / 2 if init == "small" else 1 / 16 / 2  # from 256 inputs
    assert block.mlp[-1].weight.std().item() == pytest.approx(wide, rel=0.05)
    assert model.last.weight.std().item() == pytest.approx(std, rel=0.05)
    unscaled = sequences.build("layer", 65, 32, 0, depth=2, width=64, init="unscaled").blocks[0]
    assert unscaled.attention.output.weight.std().item() == pytest.approx(1 / 8, rel=0.05)
    stream = model.characters.weight[:32] + model.positions.weight
    assert stream.var().item() == pytest.approx(1, rel=0.1)
    tied = sequences.build("tanh", 65, 32, 0, depth=1, width=64, tied=True, embedding=0.02, alpha=2.0)
    assert tied.last.weight is tied.characters.weight
    assert tied.characters.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert tied.norm.alpha.item() == tied.blocks[0].norm2.alpha.item() == 2.0


@pytest.mark.parametrize("wrong", [{"place": "both"}, {"init": "zero"}, {"heads": 3}])
def test_unknown_options_of_a_transformer_are_refused(wrong):
    with pytest.raises(ValueError, match=r"choose place from pre, post|must be a multiple"):
        sequences.build("none", 5, T, 0, width=C, **wrong)


def test_without_norms_the_cell_is_torch_s():
    theirs, ours = nn.LSTMCell(3, 5), LstmCell("none", 3, 5, T)
    ours.load_state_dict(
        {
            "from_input.weight": theirs.weight_ih,
            "from_hidden.weight": theirs.weight_hh,
            "bias": theirs.bias_ih + theirs.bias_hh,
        }
    )
    x, h, c = torch.randn(N, 3), torch.randn(N, 5), torch.randn(N, 5)
    torch.testing.assert_close(ours(x, h, c, 0), theirs(x, (h, c)))


@pytest.mark.parametrize("own_layers", [False, True])
@pytest.mark.parametrize(("norm", "torchs"), [("batch", nn.BatchNorm1d), ("layer", nn.LayerNorm)])
def test_with_norms_the_cell_is_its_formula(norm, torchs, own_layers):
    cell = LstmCell(norm, 3, 5, T, own_layers, gamma=0.1)
    norms = [torchs(20), torchs(20), torchs(5)]
    for one in norms:
        nn.init.constant_(one.weight, 0.1)
    x, h, c = torch.randn(N, 3), torch.randn(N, 5), torch.randn(N, 5)
    gates = norms[0](cell.from_input(x)) + norms[1](cell.from_hidden(h)) + cell.bias
    i, f, g, o = gates.chunk(4, dim=1)
    expected = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    new_h, new_c = cell(x, h, c, 2)
    torch.testing.assert_close(new_c, expected)
    torch.testing.assert_close(new_h, torch.sigmoid(o) * torch.tanh(norms[2](expected)))
    assert {one.bias is None for one in (cell.input_norm, cell.hidden_norm)} == {True}
    assert cell.cell_norm.bias is not None


def test_images_are_read_row_by_row_or_in_one_fixed_order():
    model = networks.RowLstm("none", 1, 10, (4, 3), units=5)
    image = torch.arange(12.0).view(1, 1, 4, 3)
    seen = []
    model.cell.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    assert model(image).shape == (1, 10)
    assert torch.equal(torch.cat(seen), image[0, 0])
    first, second = (RowLstm("none", 1, 10, (4, 3), permuted=True) for _ in range(2))
    assert torch.equal(first.order, second.order)
    assert sorted(first.order.tolist()) == list(range(12)) != first.order.tolist()


@pytest.mark.parametrize("norm", ["batch", "batch by position"])
def test_evaluation_by_batch_statistics_is_as_in_training_and_moves_nothing(norm):
    model = nn.Sequential(sequence_norm(norm, C, T), nn.Dropout(0.5))
    expected = copy.deepcopy(model[0])(X)
    model.eval()
    before = copy.deepcopy(model.state_dict())
    with modes.batch_statistics(model):
        torch.testing.assert_close(model(X), expected)
    torch.testing.assert_close(model.state_dict(), before)
    assert modes.running_norms(model) == [model[0]]
    assert not torch.allclose(model(X), expected)
    with pytest.raises(KeyError), modes.batch_statistics(model):
        raise KeyError
    assert model[0].running_mean is not None
