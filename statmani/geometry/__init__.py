"""Geometry stage."""
