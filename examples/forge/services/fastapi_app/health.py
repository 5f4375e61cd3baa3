"""What the Quantum Conduit vouches for when it calls itself healthy."""

from . import pi

REFERENCE = "14159265358979323846264338327950288419716939937510"


def self_check() -> None:
    """Raise when the conduit lets anything but π through."""
    flowing = pi.decimals(0, len(REFERENCE))
    if flowing != REFERENCE:
        raise ArithmeticError(f"expected the decimals {REFERENCE}, got {flowing}")
