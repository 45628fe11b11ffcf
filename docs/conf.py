"""Sphinx configuration."""

from importlib import metadata

project = "statmani"
author = "the statmani developers"
copyright = "2026, the statmani developers"
release = metadata.version("statmani")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
]
myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
myst_heading_anchors = 3
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"description": "Computer algebra for statistical manifolds"}
