"""Fits the coefficients of erf(z) = z·P(z²)/Q(z²) on |z| ≤ 4 that the GELU kernel uses; needs numpy and scipy.

Least squares on the linearised equation, each point weighted anew by its error (Lawson), which comes close to the
least largest relative error. Prints P, Q (constant term first) and the error of a float32 evaluation.
"""
import numpy as np
from scipy.special import erf

degree, bound = 5, 4.0
z = 0.5 * bound * (1 - np.cos(np.pi * (np.arange(4000) + 0.5) / 4000))
target, s = erf(z) / z, (z / bound) ** 2
weights, denominator, best = np.ones_like(s), np.ones_like(s), (np.inf, None)
for _ in range(200):
    powers = s[:, None] ** np.arange(degree + 1)
    system = np.concatenate([powers, -target[:, None] * powers[:, 1:]], 1)
    scale = np.sqrt(weights) / (denominator * target)
    solution = np.linalg.lstsq(system * scale[:, None], target * scale, rcond=None)[0]
    denominator = powers @ np.concatenate([[1], solution[degree + 1:]])
    error = np.abs(powers @ solution[:degree + 1] / denominator / target - 1)
    if error.max() < best[0]:
        best = (error.max(), solution)
    weights = weights * (error + 1e-3 * error.max())
    weights /= weights.mean()
scales = bound ** (2.0 * np.arange(degree + 1))
p = (best[1][:degree + 1] / scales).astype(np.float32)
q = (np.concatenate([[1], best[1][degree + 1:]]) / scales).astype(np.float32)
x = np.linspace(-5, 5, 2_000_001).astype(np.float32)
c = np.clip(x, -4, 4)
value = c * np.polyval(p[::-1], c * c) / np.polyval(q[::-1], c * c)
print("P", [float(v) for v in p], "\nQ", [float(v) for v in q])
print(f"relative {best[0]:.2g}, absolute in float32 {np.abs(value - erf(x.astype(float))).max():.2g}")
