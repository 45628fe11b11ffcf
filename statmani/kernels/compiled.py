"""What numerics asks for: the two solvers, and the fields and maps of a manifold."""

from __future__ import annotations

from itertools import combinations_with_replacement
from types import ModuleType

from sympy import Dummy, oo

from statmani.geometry.manifold import StatisticalManifold
from statmani.kernels.cache import Request, fulfil, load
from statmani.kernels.fields import field_source, map_source
from statmani.kernels.lane_fields import lane_fields
from statmani.kernels.lane_records import record_rows
from statmani.kernels.lane_steps import lane_source, row_count
from statmani.kernels.straight import element_text, expression_text

__all__ = [
    "REQUESTS",
    "boundary_solver",
    "charts",
    "compiled_field",
    "compiled_lanes",
    "compiled_maps",
    "initial_solver",
    "lane_shape",
    "lane_solver",
    "noise_meter",
    "precise_solver",
    "transport_solver",
]

_FIELD = [("field", "types.void(VECTOR, VECTOR)")]
_MAPS = [("chart", "types.void(VECTOR, VECTOR)"), ("inverse", "types.void(VECTOR, VECTOR)")]
_NOTICE = "statmani: compiling the {} (once per installation, a few seconds) ..."


_G, _C, _F = "types.float64", "types.int64", "types.FunctionType"
_ACCELERATION = (
    f"types.boolean(FIELD, VECTOR, VECTOR, {_G}, VECTOR, ROWS, BLOCK, BLOCK, ROWS, ROWS)"
)
_JACOBIAN = f"types.boolean(FIELD, VECTOR, VECTOR, {_G}, VECTOR, ROWS, BLOCK, ROWS, ROWS)"
_INTEGRATE = (
    "types.Tuple((types.int64, types.float64, VECTOR, VECTOR, BLOCK))"
    f"({_F}({_ACCELERATION}), FIELD, VECTOR, VECTOR, {_G}, {_G}, {_G}, {_C}, types.boolean)"
)
# The same solver with a tape in the place of a field, see :mod:`statmani.kernels.tape`.
_PRECISE = _ACCELERATION.replace("FIELD", "ROWS")
_PRECISE_INTEGRATE = _INTEGRATE.replace("FIELD", "ROWS")
_PATH = "VECTOR, ROWS, ROWS, BLOCK"
_GAUSS = "types.Tuple((VECTOR, VECTOR, VECTOR, ROWS, ROWS, ROWS))"
_SOLVE = "types.boolean(ROWS, ROWS)"
_NEWTON = f"{_G}({_F}({_JACOBIAN}), {_F}({_SOLVE}), FIELD, VECTOR, {_PATH}, {_G}, {_G}, {_GAUSS})"
_MEASURE = f"types.UniTuple({_G}, 3)(FIELD, VECTOR, {_PATH}, {_GAUSS})"
_REMESH = f"types.Tuple((ROWS, ROWS, BLOCK))(VECTOR, {_PATH}, VECTOR, ROWS)"
_SHORTEN = f"types.UniTuple({_G}, 2)(FIELD, VECTOR, VECTOR, ROWS, ROWS, types.boolean)"
_TOOLS = (
    f"types.Tuple((types.UniTuple(ROWS, 8), {_F}({_NEWTON}), {_F}({_JACOBIAN}), {_F}({_SOLVE}), "
    f"{_F}({_MEASURE}), {_F}({_REMESH}), {_F}({_SHORTEN}), FIELD))"
)
_COMMON = f"{_GAUSS}, {_GAUSS}, {_GAUSS}"
_BOUNDS = f"types.boolean, types.UniTuple({_G}, 3)"
_CONNECT = (
    f"types.Tuple(({_C}, {_PATH}))({_TOOLS}, VECTOR, VECTOR, ROWS, {_G}, {_BOUNDS}, {_GAUSS}, "
    f"{_GAUSS})"
)
_PAIR = (
    f"types.Tuple(({_C}, {_PATH}))({_F}({_CONNECT}), {_TOOLS}, VECTOR, VECTOR, ROWS, {_G}, {_G}, "
    f"{_G}, {_BOUNDS}, {_COMMON}, VECTOR)"
)
_ENDS = (
    f"types.Tuple(({_C}, types.boolean, {_PATH}))({_F}({_PAIR}), {_F}({_CONNECT}), {_TOOLS}, "
    f"VECTOR, VECTOR, VECTOR, ROWS, {_G}, {_G}, {_G}, {_COMMON}, VECTOR)"
)
_PAIRS = (
    f"types.void({_F}({_ENDS}), {_F}({_PAIR}), {_F}({_CONNECT}), {_TOOLS}, ROWS, ROWS, ROWS, "
    f"BLOCK, {_G}, {_G}, VECTOR, {_COMMON}, ROWS, {_C}[::1])"
)

_SETTLED = f"types.Tuple(({_C}, {_C}, {_PATH}))"
# In the order in which they need each other.
_APART = (
    ("integrals", f"types.void({_G}, ROWS)"),
    ("metric_norm", f"{_G}(FIELD, VECTOR, VECTOR)"),
    ("curve_offset", f"types.void(VECTOR, ROWS, {_G}, VECTOR)"),
    ("sampled_curve", "types.Tuple((ROWS, ROWS, BLOCK))(VECTOR, ROWS, VECTOR, VECTOR)"),
    ("_speeds", f"VECTOR(FIELD, VECTOR, VECTOR, ROWS, {_C})"),
    ("_halved", f"types.Tuple((VECTOR, ROWS, ROWS, BLOCK))({_F}({_REMESH}), {_PATH}, {_GAUSS})"),
    ("equidistribute", "VECTOR(VECTOR, VECTOR)"),
    ("wanted_elements", f"VECTOR(FIELD, VECTOR, VECTOR, ROWS, BLOCK, {_G}, ROWS, {_G})"),
    (
        "path_defect",
        f"types.UniTuple({_G}, 4)({_F}({_JACOBIAN}), FIELD, VECTOR, {_PATH}, {_GAUSS})",
    ),
    ("_solve", f"{_C}({_TOOLS}, VECTOR, {_PATH}, {_G}, {_GAUSS}, {_G})"),
    ("_descend", f"{_C}({_TOOLS}, VECTOR, {_PATH}, {_GAUSS}, {_G})"),
    (
        "_settle",
        f"{_SETTLED}({_TOOLS}, VECTOR, {_PATH}, {_G}, {_GAUSS}, {_G}, {_G}, types.boolean, "
        "types.boolean)",
    ),
    (
        "_from_curve",
        f"types.Tuple(({_C}, {_PATH}))({_TOOLS}, VECTOR, VECTOR, ROWS, {_G}, {_G}, {_GAUSS})",
    ),
)

_ADVANCE = f"types.int64(ROWS, {_G}, {_G}, {_G}, {_G}, {_C})"
_LANES = (
    f"({_F}({_ADVANCE}), ROWS, ROWS, {_G}, {_G}, {_G}, {_C}, ROWS, ROWS, {_C}[::1], VECTOR, ROWS)"
)

# Needed for every manifold, made once per installation.
REQUESTS = {
    "charts": Request(
        "charts",
        ("contract.py", "charts.py", "path_rows.py"),
        (
            ("map_points", "ROWS(FIELD, ROWS, types.int64)"),
            ("displacements", "ROWS(FIELD, FIELD, ROWS, ROWS, VECTOR, VECTOR)"),
            ("sample_path", "types.Tuple((ROWS, ROWS))(FIELD, ROWS, ROWS)"),
            ("pull_velocities", "types.void(FIELD, ROWS, ROWS, ROWS)"),
            ("sample_steps", f"types.Tuple((ROWS, ROWS))(ROWS, {_C}[::1], BLOCK, VECTOR)"),
            ("sample_rows", f"types.void(ROWS, {_C}[::1], VECTOR, BLOCK, ROWS, ROWS, ROWS)"),
            ("line_integrals", f"types.void({_C}[::1], VECTOR, VECTOR, VECTOR, ROWS)"),
        ),
        notice=_NOTICE.format("chart maps"),
    ),
    "initial": Request(
        "initial",
        ("tableau.py", "contract.py", "integrator.py"),
        (
            ("acceleration", _ACCELERATION),
            ("integrate", _INTEGRATE),
            (
                "integrate_many",
                f"types.Tuple((types.int64[::1], VECTOR, ROWS))({_F}({_INTEGRATE}), "
                f"{_F}({_ACCELERATION}), FIELD, ROWS, ROWS, {_G}, {_G}, {_G}, {_C})",
            ),
        ),
        notice=_NOTICE.format("geodesic integrator"),
    ),
    "lanes": Request(
        "lanes",
        ("lane_loop.py",),
        (
            ("integrate_lanes", f"types.void{_LANES}"),
            ("record_lanes", f"types.Tuple(({_C}[::1], VECTOR, BLOCK)){_LANES}"),
            (
                "inspect_lanes",
                f"types.void({_F}({_ADVANCE}), {_C}, ROWS, ROWS, {_G}, ROWS, ROWS)",
            ),
        ),
        notice=_NOTICE.format("batch integrator"),
    ),
    "noise": Request(
        "noise",
        ("contract.py", "noise.py"),
        (("acceleration_noise", f"ROWS({_F}({_ACCELERATION}), FIELD, ROWS, ROWS, {_G})"),),
        notice=_NOTICE.format("check of accelerations"),
    ),
    "precise": Request(
        "precise",
        ("tableau.py", "tape.py", "integrator.py"),
        (
            ("precise_acceleration", _PRECISE),
            ("precise_metric", "ROWS(ROWS, VECTOR, ROWS)"),
            ("precise_transport", f"BLOCK(ROWS, ROWS, ROWS, {_G})"),
            ("precise_frames", "BLOCK(ROWS, ROWS)"),
            ("integrate", _PRECISE_INTEGRATE),
        ),
        notice=_NOTICE.format("geodesic integrator with 31 digits"),
    ),
    "transport": Request(
        "transport",
        ("contract.py", "path_rows.py", "transport_rows.py"),
        (
            (
                "transport_rows",
                f"types.void(FIELD, FIELD, ROWS, {_C}[::1], VECTOR, BLOCK, {_G}, {_G}, {_C}, "
                f"VECTOR, VECTOR, ROWS, BLOCK, {_C}[::1])",
            ),
            ("slopes", f"types.boolean(FIELD, ROWS, ROWS, {_G}, types.boolean, BLOCK, BLOCK)"),
        ),
        notice=_NOTICE.format("parallel transport"),
    ),
    "boundary": Request(
        "boundary",
        ("contract.py", "mesh.py", "collocation.py", "shortening.py", "following.py", "pairs.py"),
        (
            ("eliminate", _SOLVE),
            ("acceleration_jacobian", _JACOBIAN),
            ("newton", _NEWTON),
            ("path_energy", _MEASURE),
            ("remesh", _REMESH),
            ("shorten", _SHORTEN),
            ("connect", _CONNECT),
            ("connect_pair", _PAIR),
            ("connect_length", _PAIR),
            ("connect_ends", _ENDS),
            ("connect_many", _PAIRS),
        ),
        notice=_NOTICE.format("distance solver"),
        apart=_APART,
    ),
}


def charts() -> ModuleType:
    """Batched maps between charts, and values of many paths."""
    return fulfil(REQUESTS["charts"])


def initial_solver() -> ModuleType:
    """The initial-value solver: acceleration, integrate, integrate_many."""
    return fulfil(REQUESTS["initial"])


def lane_solver() -> ModuleType:
    """The initial-value solver in lanes: integrate_lanes, record_lanes, inspect_lanes."""
    return fulfil(REQUESTS["lanes"])


def noise_meter() -> ModuleType:
    """What finds accelerations that are noise: acceleration_noise."""
    return fulfil(REQUESTS["noise"])


def precise_solver() -> ModuleType:
    """The initial-value solver for tapes, and the metric, frames and transport by them."""
    return fulfil(REQUESTS["precise"])


def transport_solver() -> ModuleType:
    """Parallel transport along many paths: transport_rows, and slopes that it solves."""
    return fulfil(REQUESTS["transport"])


def boundary_solver() -> ModuleType:
    """The boundary-value solver: connect_ends, connect_many and what they call."""
    return fulfil(REQUESTS["boundary"])


def _request(kind: str, manifold: StatisticalManifold) -> str:
    ring, geometry, n = manifold.ring, manifold.geometry, manifold.dim
    elements = [geometry.metric[i][j] for i in range(n) for j in range(i, n)]
    elements += [geometry.t(*index) for index in combinations_with_replacement(range(n), 3)]
    return "\n".join([kind, element_text(ring, elements), _chart_text(manifold)])


def _chart_text(manifold: StatisticalManifold) -> str:
    domain = manifold.ring.domain
    # The ring's own symbols, so that renaming coordinates finds the same file.
    u = tuple(Dummy(f"u{k}", dummy_index=k, real=True) for k in range(manifold.dim))
    maps = (*domain.from_unconstrained(u), *domain.to_unconstrained())
    return "\n".join([str(manifold.dim), *map(expression_text, maps)])


def compiled_field(manifold: StatisticalManifold, order: int, unconstrained: bool) -> ModuleType:
    """Module with ``field`` (packed tensors, see :mod:`statmani.kernels.contract`)."""
    return load(
        _request(f"field {order} {unconstrained}", manifold),
        ("special.py",),
        lambda: field_source(manifold, order, unconstrained),
        _FIELD,
    )


def compiled_maps(manifold: StatisticalManifold) -> ModuleType:
    """Module with ``chart`` and ``inverse`` (see :mod:`statmani.kernels.charts`)."""
    # Tensors do not matter: unevaluated ones have other forms once they were stored.
    text = f"maps\n{_chart_text(manifold)}"
    return load(text, ("special.py",), lambda: map_source(manifold), _MAPS)


def lane_shape(size: int, recording: bool = False) -> tuple[int, int]:
    """Rows of a block for a dimension, and how many trajectories are followed at once.

    More rows serve what is recorded beside end points.
    """
    return record_rows(size) if recording else row_count(size), 16 if size <= 2 else 8


def compiled_lanes(manifold: StatisticalManifold, levi_civita: bool) -> ModuleType:
    """Module with ``advance`` (see :mod:`statmani.kernels.lane_steps`).

    With `levi_civita` it takes alpha for 0. Where the tensors contain what lanes cannot compute,
    it stops every geodesic at its start.
    """
    n, width = manifold.dim, lane_shape(manifold.dim)[1]
    bounded = tuple(
        k
        for k, axis in enumerate(manifold.domain.axes)
        if axis.lower is not -oo or axis.upper is not oo
    )
    return load(
        _request(f"lanes {width} {levi_civita}", manifold),
        (),
        lambda: lane_source(lane_fields(manifold, levi_civita), n, width, levi_civita, bounded),
        [("advance", _ADVANCE)],
    )
