"""Algebra stage."""
