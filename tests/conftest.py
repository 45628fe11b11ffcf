"""Property tests draw the same examples in every run, unless fresh ones are asked for."""

from __future__ import annotations

import os

from hypothesis import settings

# A red build must mean a changed program, not another draw: STATMANI_FRESH_EXAMPLES=1 explores.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("fresh", deadline=None)
settings.load_profile("fresh" if os.environ.get("STATMANI_FRESH_EXAMPLES") else "fixed")
