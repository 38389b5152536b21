"""Tensors in, tensors out. Knows no type of ours, no file, no configuration."""
