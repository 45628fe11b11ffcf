"""Does maximum likelihood reach the Cramer-Rao bound? A Monte Carlo check for Weibull."""

import statmani as sm

family = sm.families.weibull()


def run() -> str:
    """Print efficiency and verdict; return the verdict."""
    result = sm.cramer_rao(family, [1.5, 2.0], n=200, replications=500, seed=1)
    print("efficiency:", result.efficiency)
    print("verdict:", result.verdict)
    return result.verdict


if __name__ == "__main__":
    run()
