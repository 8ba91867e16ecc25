"""What many rounds of one measurement say."""
import math
import statistics

LEAST_ROUNDS = 5  # fewer bound no median with a confidence of 90 %


def spread(values):
    return f"{statistics.median(values):9.1f} ({min(values):.1f} to {max(values):.1f})"


def bounds(values):
    """Least and most that the true median is, at a confidence of 90 % or more: order statistics."""
    values, n = sorted(values), len(values)
    rank, outside = 0, 2 / 2 ** n
    while rank + 1 < n - 1 - rank:
        outside += 2 * math.comb(n, rank + 1) / 2 ** n
        if outside > 0.1:
            break
        rank += 1
    return values[rank], values[n - 1 - rank]
