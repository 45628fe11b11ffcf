"""Between N(-2, 1) and N(2, 1): m-, e- and Fisher-Rao geodesics and the Wasserstein-2 path.

The variance half way is 5 on the m-geodesic (means of x and x^2 are linear), 1 on the e-geodesic
(natural parameters are linear) and on the Wasserstein-2 path, and 3 on the Fisher-Rao geodesic.
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import statmani as sm

family = sm.families.normal()
start, end = [-2.0, 1.0], [2.0, 1.0]
connections = {"m-geodesic": -1, "Fisher-Rao": 0, "e-geodesic": 1}


def plot(paths: dict[str, np.ndarray]) -> Figure:
    """The paths in the plane of parameters, and the densities half way."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    styles = dict(zip(paths, ("-", "-", "-", "--"), strict=True))
    x = np.linspace(-8, 8, 400)
    for name, points in paths.items():
        mean, deviation = points.T
        left.plot(mean, deviation, styles[name], label=name)
        middle = len(points) // 2
        density = np.exp(-((x - mean[middle]) ** 2) / (2 * deviation[middle] ** 2))
        right.plot(x, density / (deviation[middle] * np.sqrt(2 * np.pi)), styles[name])
    left.set(xlabel="mean", ylabel="standard deviation", title="paths", ylim=(0, 2.5))
    right.set(xlabel="x", ylabel="density", title="half way")
    left.legend(loc="lower center")
    return figure


def run(picture: str = "") -> dict[str, float]:
    """Return the variances half way; draw the paths if the name of a file is given."""
    paths = {
        name: sm.geodesic(family, start, end=end, alpha=alpha).points
        for name, alpha in connections.items()
    }
    # Quantile functions are linear: so are mean and standard deviation.
    paths["Wasserstein-2"] = np.linspace(start, end, 65)
    variances = {name: float(points[32, 1] ** 2) for name, points in paths.items()}
    for name, variance in variances.items():
        print(f"{name}: variance {variance:.6f} half way")
    if picture:
        plot(paths).savefig(picture)
    return variances


if __name__ == "__main__":
    run(sys.argv[1] if len(sys.argv) > 1 else "")
