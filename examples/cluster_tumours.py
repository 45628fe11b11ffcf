"""k-means with Fréchet means: each patient is a normal distribution of cell nuclei.

Wisconsin breast cancer data (Street, Wolberg and Mangasarian 1993), which ship with scikit-learn:
for every patient the mean and the standard error of the areas of the nuclei.
"""

import numpy as np
from sklearn.datasets import load_breast_cancer

import statmani as sm

family = sm.families.normal()
# Every twelfth of 569 patients.
every = 12


def cluster(points: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels and centres, by Lloyd's algorithm with Fisher-Rao distances and Fréchet means."""
    labels = np.full(len(points), -1)
    while True:
        nearest = sm.distance(family, points[:, None], centres).argmin(axis=1)
        if (nearest == labels).all():
            return labels, centres
        labels = nearest
        centres = np.array(
            [sm.frechet_mean(family, points[labels == k], rtol=1e-6) for k in range(len(centres))]
        )


def patients() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Mean and standard error by patient, the diagnoses, and their names."""
    data = load_breast_cancer()
    columns = [list(data.feature_names).index(name) for name in ("mean area", "area error")]
    return data.data[::every, columns], data.target[::every], list(data.target_names)


def run() -> float:
    """Print the two centres; return the part of the patients whose cluster is their diagnosis."""
    points, diagnoses, names = patients()
    # Malignant nuclei are large: start from the patients with the largest and the smallest.
    order = points[:, 0].argsort()
    labels, centres = cluster(points, points[order[[-1, 0]]])
    for name, (mean, deviation) in zip(names, centres, strict=True):
        print(f"{name}: N({mean:.0f}, {deviation:.0f}^2)")
    right = float((labels == diagnoses).mean())
    print(f"{right:.0%} of {len(points)} patients are in the cluster of their diagnosis")
    return right


if __name__ == "__main__":
    run()
