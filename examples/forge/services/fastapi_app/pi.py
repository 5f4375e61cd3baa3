"""The decimals of π, in whole numbers only."""

from functools import lru_cache

MAX_DECIMALS = 4_000
"""The last decimal within reach: Python refuses to print whole numbers beyond 4,300 digits."""

_GUARD_DIGITS = 10
_BLOCK = 1_000


def decimals(start: int, count: int) -> str:
    """Return `count` decimals of π from position `start`; position 0 is the first one after the point.

    Raises ValueError for a slice that is negative or ends beyond `MAX_DECIMALS`.
    """
    end = start + count
    if start < 0 or count < 0 or end > MAX_DECIMALS:
        raise ValueError(f"expected a slice of the first {MAX_DECIMALS} decimals, got {start}..{end}")
    # Whole blocks, so that neighbouring slices share one computation.
    blocks = max(1, -(-end // _BLOCK))
    return _leading(blocks * _BLOCK)[start:end]


@lru_cache(maxsize=MAX_DECIMALS // _BLOCK)
def _leading(length: int) -> str:
    """Machin, 1706: π/4 = 4·arctan(1/5) − arctan(1/239)."""
    unity = 10 ** (length + _GUARD_DIGITS)
    scaled = 4 * (4 * _arctan_of_inverse(5, unity) - _arctan_of_inverse(239, unity))
    return str(scaled // 10**_GUARD_DIGITS)[1:]


def _arctan_of_inverse(x: int, unity: int) -> int:
    """Return arctan(1/x)·unity by its Taylor series, each term rounded towards zero."""
    power = unity // x
    total, odd, sign = power, 1, 1
    while power:
        power //= x * x
        odd += 2
        sign = -sign
        total += sign * (power // odd)
    return total
