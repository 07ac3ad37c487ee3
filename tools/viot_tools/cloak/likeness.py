"""How far a cloaked picture is from the clean one: peak signal-to-noise ratio and structural similarity.

Both by scikit-image. Owns the settings, which figures depend on. Knows no network.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import UserFault

Pixels = NDArray[np.uint8]


def psnr(clean: Pixels, cloaked: Pixels) -> float:
    """Decibels over all values of two (H, W, 3) uint8 pictures; infinite for equal ones. Raises UserFault when the
    sizes differ."""
    from skimage.metrics import peak_signal_noise_ratio

    _check(clean, cloaked)
    if np.array_equal(clean, cloaked):
        return float("inf")  # scikit-image would divide by 0, with a warning
    return float(peak_signal_noise_ratio(clean, cloaked, data_range=255))


def ssim(clean: Pixels, cloaked: Pixels) -> float:
    """Mean structural similarity over the three channels, with the Gaussian window (sigma 1.5) and the population
    covariance of Wang et al., IEEE TIP 2004. Raises UserFault when the sizes differ or are under 11 pixels."""
    from skimage.metrics import structural_similarity

    _check(clean, cloaked)
    if min(clean.shape[:2]) < 11:
        raise UserFault(f"a picture of {clean.shape[1]}x{clean.shape[0]} is smaller than SSIM's window of 11x11")
    return float(
        structural_similarity(
            clean,
            cloaked,
            data_range=255,
            channel_axis=2,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
    )


def _check(clean: Pixels, cloaked: Pixels) -> None:
    if clean.shape != cloaked.shape or clean.ndim != 3 or clean.dtype != np.uint8 or cloaked.dtype != np.uint8:
        raise UserFault(
            f"pictures of {clean.shape} {clean.dtype} and {cloaked.shape} {cloaked.dtype} cannot be compared",
            fix="give two uint8 RGB pictures of one size",
        )
