"""Fisher-Rao geometry of the normal family: a geodesic and a distance with its error."""

import statmani as sm

family = sm.families.normal()


def run() -> float:
    """Print a geodesic and d(N(0, 1), N(1, 1)); return the distance."""
    manifold = family.manifold()
    path = sm.geodesic(manifold, [0.0, 1.0], [1.0, 0.0], t=1.0)
    print("N(0, 1) moves in unit time to", path(1.0))
    record = sm.distance(manifold, [0.0, 1.0], [1.0, 1.0], full_output=True)
    print(f"d = {record.value:.13f}, estimated error {record.error:.0e}")
    return float(record.value)


if __name__ == "__main__":
    run()
