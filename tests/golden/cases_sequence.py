"""PyTorch's recurrent and attention modules as layers: tests/nn/test_sequence.c holds ours against
them.

The inputs of a case are the module's, then its parameters in the order of its state_dict; an
attribute "state:NAME" says which input has which name. With `second`, the last output is the
gradient of the sum of squares of all others to the first input, so that its own gradients are second
derivatives.
"""
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def module_case(family, op, module, forward, *xs, second=False, constant=(), **attributes):
    """forward(module, *xs) gives a tuple of outputs."""
    for value in module.state_dict().values():
        value.copy_(family.uniform(-1, 1, *value.shape))
    state = {name: value.clone() for name, value in module.state_dict().items()}

    def run(*inputs):
        tensors = dict(zip(state, inputs[len(xs):]))
        for name, tensor in tensors.items():
            owner, _, part = name.rpartition(".")
            module.get_submodule(owner)._parameters.pop(part, None)
            setattr(module.get_submodule(owner), part, tensor)
        outputs = forward(module, *inputs[:len(xs)])
        if second:
            total = sum((y * y).sum() for y in outputs)
            outputs = outputs + torch.autograd.grad(total, inputs[0], create_graph=True)
        return outputs

    names = {f"state:{name}": len(xs) + i for i, name in enumerate(state)}
    family.case(op, run, *xs, *state.values(), constant=constant, second=int(second), **names, **attributes)


# ---- recurrent ----

KINDS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN, "rnn_relu": nn.RNN}


def recurrent(family, kind, steps, batch, inputs, hidden, states=False, lengths=None, second=False, **options):
    more = {"nonlinearity": "relu"} if kind == "rnn_relu" else {}
    module = KINDS[kind](inputs, hidden, **options, **more)
    first = bool(options.get("batch_first"))
    x = family.uniform(-1, 1, *((batch, steps) if first else (steps, batch)), inputs)
    rows = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    has_c = kind == "lstm"
    start = [family.uniform(-1, 1, rows, batch, hidden) for _ in range(1 + has_c)] if states else []
    extra = [torch.tensor(lengths)] if lengths else []

    def forward(module, x, *rest):
        start = rest[:len(rest) - len(extra)]
        h = None if not start else (start if has_c else start[0])
        if lengths:
            x = pack_padded_sequence(x, rest[-1], batch_first=first, enforce_sorted=False)
        y, h = module(x, h)
        if lengths:
            y = pad_packed_sequence(y, batch_first=first, total_length=steps)[0]
        return (y, *h) if has_c else (y, h)

    module_case(family, kind.replace("_relu", ""), module, forward, x, *start, *extra, second=second, hidden=hidden,
                layers=options.get("num_layers", 1), bidirectional=int(bool(options.get("bidirectional"))),
                batch_first=int(first), no_bias=int(not options.get("bias", True)), states=int(states),
                lengths=int(bool(lengths)), relu=int(kind == "rnn_relu"))


def recurrents(family):
    for kind in KINDS:
        recurrent(family, kind, 3, 2, 3, 2)
        recurrent(family, kind, 1, 1, 1, 1, states=True)
        recurrent(family, kind, 3, 2, 2, 2, states=True, num_layers=2, bidirectional=True, second=True)
        recurrent(family, kind, 4, 2, 3, 2, num_layers=2, bias=False, batch_first=True)
        recurrent(family, kind, 4, 3, 2, 2, lengths=[2, 4, 1], second=True)
        recurrent(family, kind, 4, 3, 2, 2, lengths=[3, 1, 2], states=True, bidirectional=True, num_layers=2,
                  batch_first=True)


# ---- attention ----

def square(n):
    return torch.full((n, n), float("-inf")).triu(1)


def mask_of_keys(*lengths, keys):
    """1 where a key takes part."""
    return (torch.arange(keys)[None] < torch.tensor(lengths)[:, None]).to(torch.int64)


def attention(family, heads, batch, queries, keys, width, own=True, kdim=None, vdim=None, causal=False, key_mask=None,
              mask=None, second=False, bias=True):
    module = nn.MultiheadAttention(width, heads, batch_first=True, kdim=kdim, vdim=vdim, bias=bias)
    xs = [family.uniform(-1, 1, batch, queries, width)]
    if not own:
        xs += [family.uniform(-1, 1, batch, keys, kdim or width), family.uniform(-1, 1, batch, keys, vdim or width)]
    count = len(xs)
    constant = []
    if key_mask is not None:
        xs.append(key_mask)
    if mask is not None:
        xs.append(mask)

    def forward(module, *inputs):
        q, k, v = inputs[:3] if not own else (inputs[0],) * 3
        added = inputs[count + (key_mask is not None)] if mask is not None else None
        added = square(queries) if causal else added
        hidden = inputs[count] == 0 if key_mask is not None else None
        return (module(q, k, v, key_padding_mask=hidden, attn_mask=added, need_weights=False)[0],)

    module_case(family, "multi_head", module, forward, *xs, second=second, constant=constant, heads=heads, own=int(own),
                causal=int(causal), key_mask=int(key_mask is not None), mask=int(mask is not None), no_bias=int(not bias))


def attentions(family):
    attention(family, 2, 2, 3, 3, 4)
    attention(family, 1, 1, 1, 1, 2)
    attention(family, 2, 2, 4, 4, 4, causal=True, second=True)
    attention(family, 2, 2, 3, 4, 4, own=False, second=True, key_mask=mask_of_keys(2, 4, keys=4))
    attention(family, 2, 2, 2, 3, 4, own=False, kdim=3, vdim=5, mask=family.uniform(-2, 2, 2, 3))
    attention(family, 3, 1, 3, 3, 6, bias=False, mask=family.uniform(-2, 2, 3, 3), key_mask=mask_of_keys(2, keys=3))


# ---- transformers ----

def layer_of(kind, width, heads, ff, **options):
    kinds = {"encoder": nn.TransformerEncoderLayer, "decoder": nn.TransformerDecoderLayer}
    return kinds[kind](width, heads, ff, dropout=0.0, batch_first=True, **options)


def transformer(family, kind, batch, length, width=4, heads=2, ff=3, layers=0, causal=False, key_mask=None,
                memory=None, memory_mask=None, second=False, norm=False, **options):
    """layers 0: a layer alone."""
    module = layer_of(kind, width, heads, ff, **options)
    if layers:
        stack = {"encoder": nn.TransformerEncoder, "decoder": nn.TransformerDecoder}[kind]
        module = stack(module, layers, nn.LayerNorm(width) if norm else None)
    xs = [family.uniform(-1, 1, batch, length, width)]
    if memory:
        xs.append(family.uniform(-1, 1, batch, memory, width))
    xs += [m for m in (key_mask, memory_mask) if m is not None]
    single = "src_mask" if not layers else "mask"

    def forward(module, *inputs):
        rest = list(inputs[2 if memory else 1:])
        hidden = [rest.pop(0) == 0 if m is not None else None for m in (key_mask, memory_mask)]
        mask = square(length) if causal else None
        if kind == "encoder":
            return (module(inputs[0], **{single: mask}, src_key_padding_mask=hidden[0]),)
        return (module(inputs[0], inputs[1], tgt_mask=mask, tgt_key_padding_mask=hidden[0],
                       memory_key_padding_mask=hidden[1]),)

    module_case(family, kind, module, forward, *xs, second=second, heads=heads, feed_forward=ff, layers=layers,
                causal=int(causal), key_mask=int(key_mask is not None), memory_mask=int(memory_mask is not None),
                gelu=int(options.get("activation") == "gelu"), norm_first=int(bool(options.get("norm_first"))),
                eps=options.get("layer_norm_eps", 0), final_norm=int(norm))


def transformers(family):
    transformer(family, "encoder", 2, 3, second=True)
    transformer(family, "encoder", 2, 4, causal=True, norm_first=True, activation="gelu", second=True)
    transformer(family, "encoder", 2, 3, layers=2, norm=True, norm_first=True, key_mask=mask_of_keys(3, 1, keys=3))
    transformer(family, "encoder", 1, 2, layers=1, layer_norm_eps=0.01)
    transformer(family, "decoder", 2, 3, memory=2, causal=True, second=True)
    transformer(family, "decoder", 2, 2, memory=3, norm_first=True, activation="gelu",
                key_mask=mask_of_keys(1, 2, keys=2), memory_mask=mask_of_keys(3, 2, keys=3))
    transformer(family, "decoder", 1, 2, memory=2, layers=2, norm=True, causal=True)


def cases(family):
    recurrents(family)
    attentions(family)
    transformers(family)
