"""Expectation stage."""
