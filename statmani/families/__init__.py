"""Families stage."""
