"""PyTorch's modules as layers: tests/nn/test_modules.c holds ours against them.

The inputs of a case are the module's, then its parameters and buffers in the order of its
state_dict; an attribute "state:NAME" says which input has which name. Outputs are that of the first
training step, that of evaluation after three steps, and the buffers then. Step t has t + 1 times the
float inputs. Gradients are those of the first step.
"""
import torch
from torch import nn


class RMSNorm(nn.Module):
    """As in PyTorch from 2.4 on."""

    def __init__(self, shape, eps):
        super().__init__()
        self.shape, self.eps = shape, eps
        self.weight = nn.Parameter(torch.ones(shape))

    def forward(self, x):
        axes = tuple(range(-len(self.shape), 0))
        return x / (x.square().mean(axes, True) + self.eps).sqrt() * self.weight


class Bag(nn.EmbeddingBag):
    def forward(self, x, weights=None):
        return super().forward(x, per_sample_weights=weights)


class ResidualLinear(nn.Linear):
    def forward(self, x, y):
        return super().forward(x) + y


class ResidualConv(nn.Conv2d):
    def forward(self, x, y):
        return super().forward(x) + y


def fill(family, module):
    """Parameters and buffers that float32 holds exactly."""
    for name, value in module.state_dict().items():
        if name == "num_batches_tracked":
            value.fill_(2)
        elif name == "running_var":
            value.copy_(family.uniform(0.5, 2, *value.shape))
        else:
            value.copy_(family.uniform(-1, 1, *value.shape))


def module_case(family, op, module, *xs, **attributes):
    fill(family, module)
    state = {name: value.clone() for name, value in module.state_dict().items()}
    buffers = {name for name, _ in module.named_buffers()}

    def run(*inputs):
        tensors = dict(zip(state, inputs[len(xs):]))
        for name, parameter in list(module.named_parameters()):
            owner, _, part = name.rpartition(".")
            del module.get_submodule(owner)._parameters[part]
            setattr(module.get_submodule(owner), part, tensors[name])
        module.train()
        outputs = [module(*inputs[:len(xs)])]
        for step in (1, 2):
            module(*[x * (step + 1) if x.is_floating_point() else x for x in inputs[:len(xs)]])
        module.eval()
        outputs.append(module(*inputs[:len(xs)]).detach())
        return outputs + [value.clone() for name, value in module.named_buffers()]

    names = {f"state:{name}": len(xs) + i for i, name in enumerate(state)}
    constant = [len(xs) + i for i, name in enumerate(state) if name in buffers]
    family.case(op, run, *xs, *state.values(), constant=constant, **names, **attributes)


def convolutions(family):
    def conv(op, module, shape, **attributes):
        x = family.uniform(-1, 1, *shape)
        module_case(family, op, module, x, out=module.out_channels, kernel=module.kernel_size,
                    stride=module.stride, dilation=module.dilation, groups=module.groups,
                    no_bias=int(module.bias is None), **attributes)

    conv("conv1d", nn.Conv1d(3, 4, 3, stride=2, padding=1), (2, 3, 7), padding=1)
    conv("conv1d", nn.Conv1d(4, 6, 2, dilation=2, groups=2, bias=False), (2, 4, 6))
    conv("conv2d", nn.Conv2d(3, 4, 3, padding=1), (2, 3, 5, 4), padding=[1, 1])
    conv("conv2d", nn.Conv2d(2, 4, 3, padding="same", dilation=2, groups=2), (1, 2, 6, 5), same=1)
    conv("conv2d", nn.Conv2d(2, 3, (1, 2), stride=(2, 1), bias=False), (2, 2, 4, 4))
    conv("conv3d", nn.Conv3d(2, 3, 2, padding=(1, 0, 1)), (1, 2, 2, 3, 3), padding=[1, 0, 1])
    conv("conv_transpose1d", nn.ConvTranspose1d(3, 4, 3, stride=2, padding=1, output_padding=1), (2, 3, 4),
         padding=1, output_padding=1)
    conv("conv_transpose2d", nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2), (2, 4, 2, 3))
    conv("conv_transpose3d", nn.ConvTranspose3d(2, 3, 2, bias=False), (1, 2, 2, 2, 3))


def norms(family):
    def x(*shape):
        return family.uniform(-4, 4, *shape)

    module_case(family, "batch_norm", nn.BatchNorm1d(3), x(5, 3))
    module_case(family, "batch_norm", nn.BatchNorm1d(3, momentum=0.3, eps=1e-3), x(2, 3, 4), momentum=0.3, eps=1e-3)
    module_case(family, "batch_norm", nn.BatchNorm2d(2, momentum=None), x(3, 2, 2, 3), cumulative=1)
    module_case(family, "batch_norm", nn.BatchNorm3d(2, affine=False), x(2, 2, 1, 2, 2), no_affine=1)
    module_case(family, "batch_norm", nn.BatchNorm2d(2, track_running_stats=False), x(2, 2, 3, 2), no_statistics=1)
    module_case(family, "layer_norm", nn.LayerNorm(5), x(2, 3, 5))
    module_case(family, "layer_norm", nn.LayerNorm((3, 4), eps=1e-3), x(2, 3, 4), axes=2, eps=1e-3)
    module_case(family, "layer_norm", nn.LayerNorm(4, elementwise_affine=False), x(3, 4), no_affine=1)
    module_case(family, "group_norm", nn.GroupNorm(2, 4), x(2, 4, 3), groups=2)
    module_case(family, "group_norm", nn.GroupNorm(3, 6, affine=False), x(2, 6, 2, 2), groups=3, no_affine=1)
    module_case(family, "instance_norm", nn.InstanceNorm1d(3), x(2, 3, 5))
    module_case(family, "instance_norm", nn.InstanceNorm2d(2, affine=True), x(2, 2, 3, 2), affine=1)
    module_case(family, "instance_norm", nn.InstanceNorm2d(2, affine=True, track_running_stats=True), x(3, 2, 2, 2),
                affine=1, statistics=1)
    module_case(family, "rms_norm", RMSNorm((6,), 1e-3), x(3, 6), eps=1e-3)
    module_case(family, "rms_norm", RMSNorm((2, 3), 1e-5), x(2, 2, 3), axes=2, eps=1e-5)


def tables(family):
    module_case(family, "embedding", nn.Embedding(5, 3), family.whole(5, 2, 4), count=5, width=3)
    module_case(family, "embedding", nn.Embedding(4, 2, padding_idx=1), family.whole(4, 9), count=4, width=2, padding=1)
    for i, mode in enumerate(("mean", "sum", "max")):
        module_case(family, "embedding_bag", Bag(6, 3, mode=mode), family.whole(6, 4, 3), count=6, width=3, mode=i)
        bags = torch.tensor([[2, 2, 2], [0, 2, 5], [4, 1, 3], [2, 4, 4]])
        module_case(family, "embedding_bag", Bag(6, 3, mode=mode, padding_idx=2), bags, count=6, width=3, mode=i,
                    padding=2)
    module_case(family, "embedding_bag", Bag(6, 2, mode="sum"), family.whole(6, 4, 3), family.uniform(-1, 1, 4, 3),
                count=6, width=2, mode=1)


def others(family):
    def x(*shape):
        return family.uniform(-2, 2, *shape)

    module_case(family, "bilinear", nn.Bilinear(3, 4, 2), x(5, 3), x(5, 4), out=2)
    module_case(family, "bilinear", nn.Bilinear(2, 3, 4, bias=False), x(2, 3, 2), x(2, 3, 3), out=4, no_bias=1)
    module_case(family, "prelu", nn.PReLU(), x(2, 3))
    module_case(family, "prelu", nn.PReLU(3), x(2, 3, 4), by_channel=1)
    module_case(family, "residual", ResidualLinear(3, 5, bias=False), x(2, 4, 3), x(2, 4, 5))
    module_case(family, "residual", ResidualConv(2, 4, 1, stride=2, bias=False), x(2, 2, 5, 4), x(2, 4, 3, 2))


def cases(family):
    linear = nn.Linear(4, 3)
    module_case(family, "linear", linear, family.uniform(-1, 1, 2, 4), out=3)
    module_case(family, "linear", nn.Linear(3, 2, bias=False), family.uniform(-1, 1, 2, 2, 3), out=2, no_bias=1)
    convolutions(family)
    norms(family)
    tables(family)
    others(family)
