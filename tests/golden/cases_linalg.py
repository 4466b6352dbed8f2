import torch


def unit(x):
    return torch.eye(x.shape[-1], dtype=x.dtype)


def spread(family, *shape):
    """Matrices whose eigenvalues and singular values lie apart."""
    x = family.uniform(-1, 1, *shape)
    k = min(shape[-2:])
    x[..., range(k), range(k)] += torch.arange(1, k + 1).to(x.dtype) * 2
    return x


def pivots(family, *shape):
    """Well-conditioned matrices that need exchanges of rows."""
    return family.uniform(-1, 1, *shape) + 3 * unit(torch.zeros(shape)).flip(-1)


def positive(x):
    return x @ x.mT + unit(x @ x.mT)


def eigh(x):
    w, v = torch.linalg.eigh(x + x.mT)
    return w, v * v, (v * torch.sin(w).unsqueeze(-2)) @ v.mT


def svd(x):
    u, s, vh = torch.linalg.svd(x, full_matrices=False)
    return s, u * u, (u * torch.exp(-s).unsqueeze(-2)) @ vh


def qr(x):
    q, r = torch.linalg.qr(x)
    sign = torch.sign(torch.diagonal(r, dim1=-2, dim2=-1)).detach()
    return q * sign.unsqueeze(-2), r * sign.unsqueeze(-1)


def triangular(a, b, upper, transpose, unit, right):
    if transpose:
        a = a.mT
    return torch.linalg.solve_triangular(a, b, upper=upper != transpose, unitriangular=unit, left=not right)


def cond(x, norm):
    if norm in (2, -2):
        return torch.linalg.cond(x, norm)
    # As PyTorch 1.13's cond, which cannot be differentiated here.
    return torch.linalg.matrix_norm(x, norm) * torch.linalg.matrix_norm(torch.linalg.inv(x), norm)


NORMS = ["fro", "nuc", 2, -2, 1, -1, float("inf"), -float("inf")]


def cases(family):
    for shape in [(3, 3), (2, 4, 5), (1, 1), (2, 2, 3, 2)]:
        x = family.uniform(-1, 1, *shape)
        family.case("cholesky", lambda x: torch.linalg.cholesky(positive(x)), x)
        b = family.uniform(-1, 1, shape[-2], 2)
        family.case("cholesky_solve", lambda x, b: torch.cholesky_solve(b, torch.linalg.cholesky(positive(x))), x, b)
    x = family.uniform(-1, 1, 7, 7)
    family.case("cholesky_symmetric", torch.linalg.cholesky, torch.floor((x @ x.mT + 2 * unit(x)) * 64) / 64)

    for a, b in [((3, 3), (3, 2)), ((5, 5), (5,)), ((2, 4, 4), (4, 3)), ((3, 3), (2, 3, 1)), ((1, 1), (1, 4)),
                 ((2, 1, 3, 3), (2, 3, 2)), ((11, 11), (11, 2))]:
        family.case("solve", torch.linalg.solve, pivots(family, *a), family.uniform(-1, 1, *b))
    for k, (upper, transpose, one, right) in enumerate([(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (1, 1, 1, 0),
                                                        (0, 0, 1, 1), (1, 0, 0, 1), (1, 1, 0, 1)]):
        flags = dict(upper=upper, transpose=transpose, unit=one, right=right)
        n = 3 + k % 3
        shape = (2, n) if right else (n, 2)
        family.case("solve_triangular", lambda a, b: triangular(a, b, bool(upper), bool(transpose), bool(one), bool(right)),
                    family.uniform(-1, 1, 2, n, n) + 3 * torch.eye(n), family.uniform(-1, 1, 1, *shape), **flags)
    for shape in [(3, 3), (2, 4, 4), (1, 1), (5, 5), (2, 1, 2, 2)]:
        x = pivots(family, *shape)
        family.case("inverse", torch.linalg.inv, x)
        family.case("det", torch.linalg.det, x)
        family.case("slogdet", torch.linalg.slogdet, x)
        family.case("logdet", lambda x: torch.logdet(positive(x)), x)
        for n in [0, 1, 3, -2] if shape == (3, 3) else [5, -3]:
            family.case("matrix_power", lambda x: torch.linalg.matrix_power(x, n), x / 4, gradient=n != 0, n=n)
        family.case("matrix_exp", torch.linalg.matrix_exp, x)
    family.case("matrix_exp", torch.linalg.matrix_exp, family.uniform(-4, 4, 3, 3))

    for shape in [(3, 3), (5, 3), (3, 5), (2, 4, 2), (4, 1), (1, 4), (1, 1), (2, 1, 3, 3), (7, 6)]:
        x = spread(family, *shape)
        family.case("qr", qr, x)
        family.case("svd", svd, x)
        family.case("pinv", torch.linalg.pinv, x)
        b = family.uniform(-1, 1, shape[-2], 2)
        family.case("lstsq", lambda a, b: torch.linalg.pinv(a) @ b, x, b)
        if len(shape) < 3:
            for k, norm in enumerate(NORMS):
                family.case("matrix_norm", lambda x: torch.linalg.matrix_norm(x, norm), x, which=k)
                if shape == (3, 3) or shape[-1] != shape[-2] and k in (2, 3):
                    family.case("cond", lambda x: cond(x, norm), x, which=k)
    family.case("lstsq", lambda a, b: torch.linalg.pinv(a) @ b, spread(family, 4, 3), family.uniform(-1, 1, 4))
    family.case("pinv", lambda x, y: torch.linalg.pinv(x @ y, rtol=1e-4), family.uniform(-1, 1, 4, 2), family.uniform(-1, 1, 2, 3))
    for shape in [(3, 3), (2, 4, 4), (1, 1), (7, 7), (2, 1, 2, 2)]:
        family.case("eigh", eigh, spread(family, *shape))
