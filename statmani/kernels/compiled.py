"""What numerics asks for: the two solvers, and the fields and maps of a manifold."""

from __future__ import annotations

from itertools import combinations_with_replacement
from types import ModuleType

from sympy import Dummy

from statmani.geometry.manifold import StatisticalManifold
from statmani.kernels.cache import Request, fulfil, load
from statmani.kernels.fields import field_source, map_source
from statmani.kernels.lane_steps import lane_source
from statmani.kernels.straight import element_text, expression_text

__all__ = [
    "REQUESTS",
    "boundary_solver",
    "charts",
    "compiled_field",
    "compiled_lanes",
    "compiled_maps",
    "initial_solver",
    "noise_meter",
    "precise_solver",
]

_FIELD = [("field", "types.void(VECTOR, VECTOR)")]
_MAPS = [("chart", "types.void(VECTOR, VECTOR)"), ("inverse", "types.void(VECTOR, VECTOR)")]
_NOTICE = "statmani: compiling the {} (once per installation, a few seconds) ..."


_G, _C, _F = "types.float64", "types.int64", "types.FunctionType"
_QUART = "types.float64[:, :, :, ::1]"
_ACCELERATION = (
    f"types.boolean(FIELD, VECTOR, VECTOR, {_G}, VECTOR, ROWS, BLOCK, BLOCK, ROWS, ROWS)"
)
_JACOBIAN = (
    f"types.boolean(FIELD, VECTOR, VECTOR, {_G}, VECTOR, ROWS, BLOCK, BLOCK, "
    f"{_QUART}, {_QUART}, ROWS, ROWS)"
)
_INTEGRATE = (
    "types.Tuple((types.int64, types.float64, VECTOR, VECTOR, BLOCK))"
    f"({_F}({_ACCELERATION}), FIELD, VECTOR, VECTOR, {_G}, {_G}, {_G}, {_C}, types.boolean)"
)
# The same solver with a tape in the place of a field, see :mod:`statmani.kernels.tape`.
_PRECISE = _ACCELERATION.replace("FIELD", "ROWS")
_PRECISE_INTEGRATE = _INTEGRATE.replace("FIELD", "ROWS")
_PATH = "VECTOR, ROWS, ROWS, BLOCK"
_GAUSS = "VECTOR, VECTOR, VECTOR, ROWS, ROWS"
_SOLVE = "types.boolean(ROWS, ROWS)"
_NEWTON = f"{_G}({_F}({_JACOBIAN}), {_F}({_SOLVE}), FIELD, VECTOR, {_PATH}, {_G}, {_GAUSS})"
_MEASURE = f"types.UniTuple({_G}, 3)(FIELD, VECTOR, {_PATH}, VECTOR, VECTOR, ROWS, ROWS)"
_REMESH = f"types.Tuple((ROWS, ROWS, BLOCK))(VECTOR, {_PATH}, VECTOR, ROWS)"
_CONNECT = (
    f"types.Tuple(({_C}, {_PATH}))({_F}({_NEWTON}), {_F}({_JACOBIAN}), {_F}({_SOLVE}), "
    f"{_F}({_MEASURE}), {_F}({_REMESH}), FIELD, VECTOR, VECTOR, {_G}, {_G}, {_G}, {_GAUSS}, ROWS)"
)

_LANES = [
    (
        "integrate_lanes",
        f"{_C}(ROWS, ROWS, {_G}, {_G}, {_G}, {_C}, ROWS, ROWS, {_C}[::1], {_C}[::1], {_C}[::1], "
        "VECTOR, ROWS)",
    )
]


# Needed for every manifold, made once per installation.
REQUESTS = {
    "charts": Request(
        "charts",
        ("contract.py", "charts.py"),
        (
            ("map_points", "ROWS(FIELD, ROWS, types.int64)"),
            ("displacements", "ROWS(FIELD, FIELD, ROWS, ROWS, VECTOR, VECTOR)"),
            ("sample_path", "types.Tuple((ROWS, ROWS))(FIELD, ROWS, ROWS)"),
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
    "noise": Request(
        "noise",
        ("contract.py", "noise.py"),
        (
            ("acceleration", _ACCELERATION),
            ("acceleration_noise", f"ROWS({_F}({_ACCELERATION}), FIELD, ROWS, ROWS, {_G})"),
        ),
        notice=_NOTICE.format("check of accelerations"),
    ),
    "precise": Request(
        "precise",
        ("tableau.py", "tape.py", "integrator.py"),
        (
            ("precise_acceleration", _PRECISE),
            ("precise_metric", "ROWS(ROWS, VECTOR, ROWS)"),
            ("precise_transport", f"BLOCK(ROWS, ROWS, ROWS, {_G})"),
            ("integrate", _PRECISE_INTEGRATE),
        ),
        notice=_NOTICE.format("geodesic integrator with 31 digits"),
    ),
    "boundary": Request(
        "boundary",
        ("contract.py", "mesh.py", "collocation.py"),
        (
            ("eliminate", _SOLVE),
            ("acceleration_jacobian", _JACOBIAN),
            ("newton", _NEWTON),
            ("path_energy", _MEASURE),
            ("remesh", _REMESH),
            ("connect", _CONNECT),
        ),
        notice=_NOTICE.format("distance solver"),
    ),
}


def charts() -> ModuleType:
    """Batched maps between charts: map_points, displacements, sample_path."""
    return fulfil(REQUESTS["charts"])


def initial_solver() -> ModuleType:
    """The initial-value solver: acceleration, integrate, integrate_many."""
    return fulfil(REQUESTS["initial"])


def noise_meter() -> ModuleType:
    """What finds accelerations that are noise: acceleration, acceleration_noise."""
    return fulfil(REQUESTS["noise"])


def precise_solver() -> ModuleType:
    """The initial-value solver for tapes, and the metric and transport by them."""
    return fulfil(REQUESTS["precise"])


def boundary_solver() -> ModuleType:
    """The boundary-value solver: newton, connect, remesh, path_energy and what they call."""
    return fulfil(REQUESTS["boundary"])


def _request(kind: str, manifold: StatisticalManifold) -> str:
    # The ring's own symbols, so that renaming coordinates finds the same file.
    ring, geometry, n = manifold.ring, manifold.geometry, manifold.dim
    u = tuple(Dummy(f"u{k}", dummy_index=k, real=True) for k in range(n))
    elements = [geometry.metric[i][j] for i in range(n) for j in range(i, n)]
    elements += [geometry.t(*index) for index in combinations_with_replacement(range(n), 3)]
    parts = [kind, str(n), element_text(ring, elements)]
    parts += [expression_text(e) for e in ring.domain.from_unconstrained(u)]
    parts += [expression_text(e) for e in ring.domain.to_unconstrained()]
    return "\n".join(parts)


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
    return load(_request("maps", manifold), ("special.py",), lambda: map_source(manifold), _MAPS)


def lane_width(size: int) -> int:
    """How many trajectories of a dimension are followed at once."""
    return 16 if size <= 2 else 8


def compiled_lanes(manifold: StatisticalManifold) -> ModuleType:
    """Module with ``integrate_lanes`` (see :mod:`statmani.kernels.lane_loop`).

    Where the tensors contain what lanes cannot compute, it reports every geodesic as failed.
    """
    width = lane_width(manifold.dim)
    return load(
        _request(f"lanes {width}", manifold),
        ("lane_loop.py",),
        lambda: lane_source(field_source(manifold, 1, True), manifold.dim, width),
        _LANES,
    )
