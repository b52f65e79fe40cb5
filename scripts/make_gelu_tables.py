#!/usr/bin/env python3
"""Writes cpu/gelu_tables.h: polynomials of degree 4 on 32 intervals for the GELUs of wide vectors.

make_gelu_tables.py > cpu/gelu_tables.h

With E(a) = erf(a / sqrt 2) / 2, GELU is x/2 + |x| E(|x|), and its tanh form the same with
E(a) = tanh(sqrt(2 / pi) (a + 0.044715 a^3)) / 2. Interval i is centred on i * WIDTH; its polynomial
interpolates E at the Chebyshev nodes, in f64, and is rounded to f32. From the last interval on, E is
1/2. The worst errors go to stderr.
"""

import math
import sys

WIDTH = 91 / 512  # few bits, so that i * WIDTH is exact; 30.5 of it: E is 1/2 - 3e-8 there
INTERVALS, TERMS = 32, 5

FUNCTIONS = {
    "kHalfErf": ("erf(a / sqrt 2) / 2", lambda a: math.erf(a / math.sqrt(2)) / 2),
    "kHalfTanh": (
        "tanh(sqrt(2 / pi) (a + 0.044715 a^3)) / 2",
        lambda a: math.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a**3)) / 2,
    ),
}


def interpolate(points, values):
    """Coefficients, the constant first, of the polynomial through the points (Newton's form)."""
    differences = list(values)
    for level in range(1, len(points)):
        for i in range(len(points) - 1, level - 1, -1):
            differences[i] = (differences[i] - differences[i - 1]) / (points[i] - points[i - level])
    result = [0.0] * len(points)
    for i in range(len(points) - 1, -1, -1):
        shifted = [0.0] + result[:-1]
        result = [s - points[i] * r for s, r in zip(shifted, result)]
        result[0] += differences[i]
    return result


def coefficients(function):
    """Per interval, its coefficients."""
    nodes = [
        WIDTH / 2 * math.cos(math.pi * (2 * k + 1) / (2 * TERMS)) for k in range(TERMS)
    ]
    rows = [
        interpolate(nodes, [function(i * WIDTH + u) for u in nodes]) for i in range(INTERVALS - 1)
    ]
    return rows + [[0.5] + [0.0] * (TERMS - 1)]


def worst_error(function, rows):
    worst = 0.0
    for i, row in enumerate(rows):
        for k in range(-100, 101):
            u = WIDTH / 2 * k / 100
            value = sum(c * u**n for n, c in enumerate(row))
            worst = max(worst, abs(value - function(i * WIDTH + u)))
    return worst


def main():
    print("// Of scripts/make_gelu_tables.py: do not edit. For E below, GELU is x/2 + |x| E(|x|).")
    print("#pragma once\n\nnamespace sardonyx {\n")
    print("// Coefficient n of interval i, which is centred on i * kGeluWidth, is in [n][i].")
    print(f"inline constexpr float kGeluWidth = {WIDTH}f;")
    print(f"using GeluTable = float[{TERMS}][{INTERVALS}];\n")
    for name, (formula, function) in FUNCTIONS.items():
        rows = coefficients(function)
        print(f"{name}: {worst_error(function, rows):.2g}", file=sys.stderr)
        print(f"// E(a) = {formula}.")
        print(f"alignas(64) inline constexpr GeluTable {name} = {{")
        for n in range(TERMS):
            column = [f"{row[n]:.9g}" if abs(row[n]) > 1e-12 else "0" for row in rows]
            column = [c if "." in c or "e" in c else c + ".0" for c in column]
            print("    {" + ", ".join(c + "f" for c in column) + "},")
        print("};\n")
    print("}  // namespace sardonyx")


main()
