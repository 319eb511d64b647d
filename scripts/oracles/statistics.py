#!/usr/bin/env python3
"""Writes the golden files of Tests/StatisticsTests and ClusteringTests from scipy and mpmath.

    python3 scripts/oracles/statistics.py

needs numpy, scipy 1.17 and mpmath; the files are committed, so the tests need none of them. The samples are
not stored: both sides make them from SplitMix64 by operations that IEEE 754 rounds exactly (+ − × ÷ √ floor),
see `sample` here and in Tests/SampleData.
"""

import pathlib
import warnings
from fractions import Fraction

import mpmath
import numpy as np
import scipy
from scipy import special, stats
from scipy.cluster import hierarchy
from scipy.spatial import distance

warnings.simplefilter("ignore")
TESTS = pathlib.Path(__file__).resolve().parents[2] / "Tests"
SIZES = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 20, 21, 37, 50, 100, 333, 1000, 3000, 4999, 5000, 5001, 20000,
         60000]
SHAPES = ["uniform", "normal", "normal-offset", "normal-tiny", "digits", "rounded-normal", "square", "cube",
          "ratio", "pareto", "bimodal", "outlier", "length", "sparse"]


def uniforms(seed, count):
    """`count` numbers in [0, 1) with 53 bits, SplitMix64 (Steele, Lea & Flood 2014) from `seed`."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normals(seed, count):
    """Sums of 12 uniforms less 6 (Irwin-Hall), near enough to a normal law for a test of a test."""
    u = uniforms(seed, 12 * count).reshape(count, 12)
    total = np.zeros(count)
    for j in range(12):
        total = total + u[:, j]
    return total - 6.0


def sample(shape, n, seed):
    if shape == "uniform":
        return uniforms(seed, n)
    if shape == "digits":
        return np.floor(10.0 * uniforms(seed, n))
    if shape == "square":
        u = uniforms(seed, n)
        return u * u
    if shape == "cube":
        z = normals(seed, n)
        return z * z * z
    if shape == "pareto":
        return 1.0 / np.sqrt(1.0 - uniforms(seed, n))
    if shape == "length":
        z = normals(seed, 4 * n).reshape(n, 4)
        return np.sqrt(((z[:, 0] * z[:, 0] + z[:, 1] * z[:, 1]) + z[:, 2] * z[:, 2]) + z[:, 3] * z[:, 3])
    if shape == "ratio":
        z = normals(seed, 2 * n).reshape(n, 2)
        return z[:, 0] / (np.abs(z[:, 1]) + 0.125)
    if shape == "sparse":
        x = np.floor(1.0625 * uniforms(seed, n))
        x[0] = 3.0
        return x
    z = normals(seed, n)
    if shape == "normal":
        return z
    if shape == "normal-offset":
        return z + 1e6
    if shape == "normal-tiny":
        return z * 1e-12
    if shape == "rounded-normal":
        return np.floor(4.0 * z) * 0.25
    if shape == "bimodal":
        return np.where(np.arange(n) % 2 == 0, z - 3.0, z + 3.0)
    if shape == "outlier":
        z[n // 2] = 1000.0
        return z
    raise ValueError(shape)


def number(x):
    return repr(float(x))


def sample_rows():
    yield ("shape n seed shapiro shapiroP normaltest normaltestP skewtest skewtestP kurtosistest kurtosistestP"
           " skewness kurtosis anderson slope intercept r q1 median q3 whiskerLow whiskerHigh outliers mean"
           " deviation halfWidth")
    seed = 0
    for n in SIZES:
        for shape in SHAPES:
            seed += 1
            x = sample(shape, n, seed)
            if np.ptp(x) == 0:
                continue
            w = stats.shapiro(x)
            none = (float("nan"), float("nan"))
            omnibus = stats.normaltest(x) if n >= 8 else none
            skew = stats.skewtest(x) if n >= 8 else none
            kurtosis = stats.kurtosistest(x) if n >= 5 else none
            _, line = stats.probplot(x)
            q1, median, q3 = np.quantile(x, [0.25, 0.5, 0.75])
            reach = 1.5 * (q3 - q1)
            inside = x[(x >= q1 - reach) & (x <= q3 + reach)]
            low = min(q1, inside.min())
            high = max(q3, inside.max())
            interval = stats.ttest_1samp(x, 0).confidence_interval(0.95)
            figures = [*w, *omnibus, *skew, *kurtosis, stats.skew(x), stats.kurtosis(x),
                       stats.anderson(x).statistic, *line, q1, median, q3, low, high,
                       np.sum((x < low) | (x > high)), x.mean(), x.std(ddof=1),
                       (interval.high - interval.low) / 2]
            yield " ".join([shape, str(n), str(seed), *map(number, figures)])


def correlation_rows():
    yield "shapeX shapeY n seed pearson low high spearman"
    seed = 5000
    for n in [4, 5, 10, 100, 3000]:
        for a, b in [("normal", "length"), ("digits", "rounded-normal"), ("pareto", "uniform")]:
            seed += 2
            x = sample(a, n, seed)
            # A dependent pair: y shares half of x.
            y = sample(b, n, seed + 1) + 0.5 * x
            p = stats.pearsonr(x, y)
            ci = p.confidence_interval(0.95)
            yield " ".join([a, b, str(n), str(seed), *map(number, [p.statistic, ci.low, ci.high,
                                                                   stats.spearmanr(x, y).statistic])])


def signed_rank(x):
    """The two-sided p-value over all signs of the ranks, by whole numbers; scipy's beyond 200 values."""
    x = x[x != 0]
    if len(x) > 200:
        return stats.wilcoxon(x, method="asymptotic", correction=False).pvalue
    ranks = [int(2 * r) for r in stats.rankdata(np.abs(x))]
    ways = {0: 1}
    for rank in ranks:
        more = dict(ways)
        for total, count in ways.items():
            more[total + rank] = more.get(total + rank, 0) + count
        ways = more
    positive = sum(r for r, v in zip(ranks, x) if v > 0)
    least = min(positive, sum(ranks) - positive)
    pvalue = min(1.0, float(2 * Fraction(sum(c for t, c in ways.items() if t <= least), 2 ** len(x))))
    if len(set(ranks)) == len(ranks) and len(x) <= 50:
        assert abs(pvalue - stats.wilcoxon(x, method="exact").pvalue) < 1e-12
    return pvalue


def paired_rows():
    yield "shape n seed shift signedRank margin equivalence spread"
    seed = 7000
    for n in [3, 5, 6, 10, 13, 20, 50, 51, 120, 200, 201, 500]:
        for shape, shift in [("normal", 0.0), ("normal", 0.5), ("digits", -4.0), ("rounded-normal", 0.25),
                             ("outlier", 0.125)]:
            seed += 1
            x = sample(shape, n, seed) + shift
            margin = 0.75
            above = stats.ttest_1samp(x, -margin, alternative="greater").pvalue
            below = stats.ttest_1samp(x, margin, alternative="less").pvalue
            # Groups of one, two and three values in turn.
            groups, start = [], 0
            while start < n:
                groups.append(x[start:start + 1 + len(groups) % 3])
                start += 1 + (len(groups) - 1) % 3
            freedom = sum(len(g) - 1 for g in groups)
            within = sum(((g - g.mean()) ** 2).sum() for g in groups)
            spread = np.sqrt(within / freedom) if freedom else float("nan")
            yield " ".join([shape, str(n), str(seed), number(shift), number(signed_rank(x)), number(margin),
                            number(max(above, below)), number(spread)])


def special_rows():
    """Values of many-digit arithmetic (more than 300 where a tail is subtracted from 1)."""
    mpmath.mp.dps = 360
    mpf = mpmath.mpf
    yield "function a b value"
    for z in [-38.0, -12.5, -6.0, -1.25, -0.1, 0.0, 0.3, 1.0, 2.5, 5.0, 8.0, 20.0, 29.75, 30.25, 37.0]:
        survival = mpmath.erfc(mpf(z) / mpmath.sqrt(2)) / 2
        yield f"normalSurvival {z} 0 {mpmath.nstr(survival, 20)}"
        yield f"normalLogSurvival {z} 0 {mpmath.nstr(mpmath.log(survival), 20)}"
    for z in [60.0, 150.0, 1000.0]:
        value = mpmath.log(mpmath.erfc(mpf(z) / mpmath.sqrt(2)) / 2)
        yield f"normalLogSurvival {z} 0 {mpmath.nstr(value, 20)}"
    mpmath.mp.dps = 40
    for p in [1e-300, 1e-100, 1e-30, 1e-12, 1e-11, 1e-5, 0.01, 0.05, 0.074, 0.076, 0.25, 0.5, 0.6, 0.9, 0.924,
              0.926, 0.975, 0.999, 0.99999]:
        mpmath.mp.dps = 340
        tail = min(mpf(p), 1 - mpf(p))
        start = mpmath.mpf(float(-special.ndtri(float(tail))))
        # Newton on the logarithm of the tail.
        z = start
        for _ in range(30):
            q = mpmath.erfc(z / mpmath.sqrt(2)) / 2
            z += (q - tail) / (mpmath.exp(-z * z / 2) / mpmath.sqrt(2 * mpmath.pi))
        yield f"normalQuantile {p!r} 0 {mpmath.nstr(-z if p < 0.5 else z, 20)}"
        mpmath.mp.dps = 40
    for a in [0.5, 1.0, 2.5, 10.0, 11.9, 12.1, 30.0, 250.0, 3000.0]:
        for ratio in [0.01, 0.5, 0.9, 1.0, 1.1, 2.0, 5.0]:
            x = a * ratio
            q = mpmath.gammainc(mpf(a), mpf(x), regularized=True)
            p = mpmath.gammainc(mpf(a), 0, mpf(x), regularized=True)
            if q > 1e-300:
                yield f"gammaUpper {a} {x!r} {mpmath.nstr(q, 20)}"
            if p > 1e-300:
                yield f"gammaLower {a} {x!r} {mpmath.nstr(p, 20)}"
    for x in [1.5, 700.0, 1380.0]:
        yield f"chiSquare {x} 2 {mpmath.nstr(mpmath.exp(-mpf(x) / 2), 20)}"
        q = mpmath.gammainc(mpf(5) / 2, mpf(x) / 2, regularized=True)
        yield f"chiSquare {x} 5 {mpmath.nstr(q, 20)}"
    for nu in [1, 2, 3, 4, 7, 20, 49, 100, 2999, 59999]:
        for p in [0.6, 0.95, 0.975, 0.995, 0.9999]:
            tail = 1 - mpf(p)

            def excess(t, nu=nu, tail=tail):
                x = mpf(nu) / (nu + t * t)
                return mpmath.log(mpmath.betainc(mpf(nu) / 2, 0.5, 0, x, regularized=True) / 2 / tail)

            t = mpmath.findroot(excess, mpf(float(stats.t.ppf(p, nu))))
            yield f"tQuantile {p} {nu} {mpmath.nstr(t, 20)}"


def linkage_rows():
    """Average linkage of 60 rows of 3 features, as scipy has it."""
    yield "metric heights, then the clusters of 5"
    x = normals(9001, 180).astype(np.float32).astype(np.float64).reshape(60, 3)
    for metric in ["euclidean", "cosine"]:
        z = hierarchy.linkage(distance.pdist(x, metric), "average")
        yield metric + " " + " ".join(number(h) for h in z[:, 2])
        yield metric + " " + " ".join(str(c) for c in hierarchy.fcluster(z, 5, "maxclust"))


def write(target, name, rows):
    header = f"# numpy {np.__version__}, scipy {scipy.__version__}, mpmath {mpmath.__version__}"
    folder = TESTS / target / "Golden"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join([header, *rows]) + "\n")


if __name__ == "__main__":
    write("StatisticsTests", "samples.txt", sample_rows())
    write("StatisticsTests", "correlations.txt", correlation_rows())
    write("StatisticsTests", "paired.txt", paired_rows())
    write("StatisticsTests", "special.txt", special_rows())
    write("ClusteringTests", "linkage.txt", linkage_rows())
