"""Kernels stage."""
