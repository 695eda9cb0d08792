"""The op in PyTorch, for the bench of ops."""


def add(t, s):
    return t["a"] + t["b"]
