import torch


def matmuls(family):
    for a, b in [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((2, 2, 3), (3, 2)), ((3, 2), (2, 2, 3)), ((2, 1, 2, 3), (3, 3, 2)), ((4,), (2, 4, 3)), ((2, 3, 4), (4,)), ((5, 17), (17, 9))]:
        x, y = family.uniform(-2, 2, *a), family.uniform(-2, 2, *b)
        family.case("matmul", torch.matmul, x, y)
    for shape, units in [((5,), 3), ((4, 5), 3), ((2, 3, 5), 4)]:
        x, w, b = family.uniform(-2, 2, *shape), family.uniform(-2, 2, units, shape[-1]), family.uniform(-2, 2, units)
        family.case("affine", torch.nn.functional.linear, x, w, b)


# the C side has the same list
EINSUMS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("bij,bkj->bik", (2, 3, 4), (2, 2, 4)),
    ("bqhd,bkhd->bhqk", (2, 3, 2, 4), (2, 5, 2, 4)),
    ("ii->i", (4, 4)),
    ("ii", (4, 4)),
    ("iij->j", (3, 3, 2)),
    ("ijk->kj", (2, 3, 4)),
    ("...ij,...jk->...ik", (2, 1, 2, 3), (3, 3, 2)),
    ("i...,i...->...", (3, 2), (3, 2)),
    ("i,j,k->kij", (2,), (3,), (4,)),
    ("ij,jk,kl->il", (2, 5), (5, 3), (3, 4)),
    ("i,ij,j->", (3,), (3, 4), (4,)),
    ("bi,oij,bj->bo", (2, 3), (4, 3, 5), (2, 5)),
    ("ab,ab,ab->a", (3, 4), (3, 4), (3, 4)),
    ("ijj,jk->ik", (2, 3, 3), (3, 4)),
]


def cases(family):
    matmuls(family)
    for number, (text, *shapes) in enumerate(EINSUMS):
        xs = [family.uniform(-2, 2, *shape) for shape in shapes]
        family.case("einsum", lambda *xs: torch.einsum(text, *xs), *xs, number=number)
    for n in [1, 5]:
        family.case("dot", torch.dot, family.uniform(-2, 2, n), family.uniform(-2, 2, n))
        family.case("outer", torch.outer, family.uniform(-2, 2, n), family.uniform(-2, 2, 3))
    for a, b in [((3,), (3,)), ((2, 3), (4, 3)), ((2, 2, 3), (3,))]:
        family.case("inner", torch.inner, family.uniform(-2, 2, *a), family.uniform(-2, 2, *b))
    for a, b in [((2,), (3,)), ((2, 3), (3, 2)), ((2, 2), (3,)), ((2,), (2, 1, 3))]:
        family.case("kron", torch.kron, family.uniform(-2, 2, *a), family.uniform(-2, 2, *b))
    for a, b, mine, theirs in [((2, 3, 4), (4, 3, 5), [2, 1], [0, 1]), ((2, 3), (3, 4), [1], [0]), ((2, 3, 4), (2, 5), [0], [0])]:
        x, y = family.uniform(-2, 2, *a), family.uniform(-2, 2, *b)
        family.case("tensordot", lambda x, y: torch.tensordot(x, y, dims=(mine, theirs)), x, y, mine=mine, theirs=theirs)
