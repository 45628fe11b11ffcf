"""Numerics stage."""
