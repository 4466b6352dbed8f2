import torch


def cases(family):
    for steps, batch, inputs, hidden in [(3, 2, 4, 5), (1, 1, 1, 1), (5, 3, 2, 3), (2, 17, 3, 4)]:
        x = family.uniform(-1, 1, steps, batch, inputs)
        h, c = family.uniform(-1, 1, batch, hidden), family.uniform(-1, 1, batch, hidden)

        def weights(gates):
            return [family.uniform(-1, 1, gates * hidden, n) for n in (inputs, hidden)] + [
                family.uniform(-1, 1, gates * hidden) for _ in range(2)]

        def lstm(x, h, c, *w):
            y, h, c = torch._VF.lstm(x, (h[None], c[None]), w, True, 1, 0.0, False, False, False)
            return y, h[0], c[0]

        def gru(x, h, *w):
            y, h = torch._VF.gru(x, h[None], w, True, 1, 0.0, False, False, False)
            return y, h[0]

        family.case("lstm_sequence", lstm, x, h, c, *weights(4))
        family.case("gru_sequence", gru, x, h, *weights(3))
        family.case("lstm_plain", lambda x, a, b: lstm(x, torch.zeros_like(h), torch.zeros_like(h), a, b,
                                                       *[torch.zeros(4 * hidden)] * 2), x, *weights(4)[:2])
        family.case("gru_plain", lambda x, a, b: gru(x, torch.zeros_like(h), a, b, *[torch.zeros(3 * hidden)] * 2),
                    x, *weights(3)[:2])

    for steps, batch, inputs, hidden in [(3, 2, 4, 5), (1, 1, 1, 1), (5, 17, 2, 3)]:
        for relu in (False, True):
            run = torch._VF.rnn_relu if relu else torch._VF.rnn_tanh

            def rnn(x, h, *w):
                y, h = run(x, h[None], w, True, 1, 0.0, False, False, False)
                return y, h[0]

            weights = [family.uniform(-1, 1, hidden, inputs), family.uniform(-1, 1, hidden, hidden),
                       family.uniform(-1, 1, hidden), family.uniform(-1, 1, hidden)]
            family.case("rnn_sequence", rnn, family.uniform(-1, 1, steps, batch, inputs),
                        family.uniform(-1, 1, batch, hidden), *weights, relu=int(relu))
