import torch


def cases(family):
    pass
