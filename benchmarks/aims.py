"""What rates of intervals and tests are to be, and why a row of the calibration table is outside of that."""

from collections.abc import Mapping

from scipy.stats import binom

AIMS = {"coverage": (0.92, 0.97), "size": (0.03, 0.07)}
RARE = 0.2
"""Share of samples with an interval below which those that have one are an odd lot."""

TOO_SHORT, CONSERVATIVE = "**outside**", "conservative"


def reason(row: Mapping[str, str]) -> str:
    """Why the rate of a row is outside `AIMS`; empty where it is within."""
    rate = row["coverage"] or row["size"]
    least, most = AIMS["coverage" if row["coverage"] else "size"]
    if not rate or least <= float(rate) <= most:
        return ""
    wrong, printed = 1 - float(rate), float(row["printed"])
    if row["coverage"] and float(rate) < least and printed < RARE:
        return f"{printed:.0%} of the samples show one; {wrong * printed:.1%} of all one that misses"
    if within_chance(
        float(rate), int(row["independent"] or row["repeats"]), nearest=least if float(rate) < least else most
    ):
        return "no more than chance"
    if row["size"]:
        return f"{CONSERVATIVE}: rejects less often than it may" if float(rate) < least else TOO_SHORT
    if float(rate) < least:
        return TOO_SHORT
    one_sided = row["below"] and min(float(row["below"]), wrong - float(row["below"])) < wrong / 20
    return f"{CONSERVATIVE}: " + ("one side alone can miss" if one_sided else "longer than it need be")


def within_chance(rate: float, n: int, *, nearest: float) -> bool:
    """Whether so many independent ones show a rate as far off in one of 100 runs, where `nearest` is true."""
    count = round(rate * n)
    tail = binom.cdf(count, n, nearest) if rate < nearest else binom.sf(count - 1, n, nearest)
    return bool(tail > 0.01)
