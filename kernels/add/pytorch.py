"""The op in PyTorch, for the CPU bench."""


def add(t, s):
    return t["a"] + t["b"]
