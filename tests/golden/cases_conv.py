import torch
import torch.nn.functional as F

CONV = [F.conv1d, F.conv2d, F.conv3d]
TRANSPOSE = [F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d]

# x's shape, weight's shape, with a bias, options as PyTorch names them
CASES = [
    ((2, 3, 9), (4, 3, 3), True, {}),
    ((1, 2, 11), (3, 2, 4), False, dict(stride=[3], padding=[2])),
    ((2, 4, 8), (6, 2, 3), True, dict(groups=2, dilation=[2], padding=[3])),
    ((1, 2, 7), (2, 2, 4), True, dict(padding="same")),
    ((1, 2, 20), (2, 2, 4), False, dict(padding="same", dilation=[3])),
    ((1, 2, 7), (2, 2, 3), False, dict(padding="valid")),
    ((2, 3, 5, 6), (4, 3, 3, 3), True, dict(padding=[1, 1])),
    ((1, 2, 7, 9), (3, 2, 3, 2), True, dict(stride=[2, 3], padding=[1, 0])),
    ((1, 2, 6, 7), (3, 2, 1, 1), False, {}),
    ((1, 3, 6, 7), (2, 3, 1, 1), True, dict(stride=[2, 2])),
    ((1, 4, 5, 5), (4, 1, 3, 3), True, dict(groups=4, padding=[1, 1])),
    ((1, 3, 7, 5), (6, 1, 3, 2), False, dict(groups=3, stride=[1, 2], dilation=[2, 1])),
    ((1, 1, 9, 8), (3, 1, 5, 5), True, dict(padding=[2, 2])),
    ((1, 3, 13, 12), (2, 3, 7, 7), True, dict(stride=[2, 2], padding=[3, 3])),
    ((1, 2, 5, 6), (2, 2, 3, 4), True, dict(padding="same", dilation=[1, 2])),
    ((1, 10, 3, 4), (7, 10, 2, 2), True, {}),
    ((1, 2, 4, 5, 3), (3, 2, 2, 3, 3), True, dict(padding=[0, 1, 1])),
    ((1, 2, 5, 4, 6), (2, 1, 3, 2, 3), False, dict(groups=2, stride=[2, 1, 2], padding=[1, 1, 2])),
    ((1, 2, 5, 3, 4), (2, 2, 2, 1, 2), True, dict(dilation=[3, 1, 2])),
]

TRANSPOSED = [
    ((2, 3, 5), (3, 4, 3), True, {}),
    ((1, 2, 4), (2, 3, 4), False, dict(stride=[3], padding=[2], output_padding=[2])),
    ((2, 4, 4), (4, 3, 3), True, dict(groups=2, dilation=[2], padding=[1])),
    ((1, 2, 4), (2, 2, 2), True, dict(dilation=[3], output_padding=[2])),
    ((1, 3, 4, 3), (3, 2, 3, 3), True, dict(stride=[2, 2], padding=[1, 1], output_padding=[1, 1])),
    ((1, 2, 3, 4), (2, 3, 2, 4), False, dict(stride=[1, 3], padding=[0, 1], output_padding=[0, 1])),
    ((1, 2, 3, 4), (2, 3, 1, 1), True, dict(stride=[2, 2])),
    ((1, 4, 3, 3), (4, 1, 3, 3), True, dict(groups=4, stride=[2, 1], padding=[1, 1])),
    ((1, 2, 2, 3, 2), (2, 3, 2, 3, 2), True, dict(stride=[2, 1, 2], padding=[0, 1, 0], output_padding=[1, 0, 1])),
]

MODES = {"same": 1, "valid": 2}


def cases(family):
    for op, functions, table in [("conv", CONV, CASES), ("conv_transpose", TRANSPOSE, TRANSPOSED)]:
        for x, weight, bias, options in table:
            function = functions[len(x) - 3]
            groups = options.get("groups", 1)
            attributes = dict(options)
            if isinstance(attributes.get("padding"), str):
                attributes["padding_mode"] = MODES[attributes.pop("padding")]
            inputs = [family.uniform(-2, 2, *x), family.uniform(-1, 1, *weight)]
            if bias:
                out = weight[0] if op == "conv" else weight[1] * groups
                inputs.append(family.uniform(-1, 1, out))
            family.case(op, lambda *a: function(*a, **options), *inputs, **attributes)
