"""Draws 8,000 noisy colour images into the folder shapes, as .npy files: five shapes, each light or dark.

It needs nothing but Python, and draws the same bytes each time.
"""
import os
import random

SIDE = 24
PALE = bytes(round(0.35 * value) for value in range(256))


def inside(shape, y, x):
    """Whether a point is in a shape, coordinates from -1 to 1."""
    return [
        y * y + x * x < 1, max(abs(y), abs(x)) < 0.8, abs(y) + abs(x) < 1, min(abs(y), abs(x)) < 0.3,
        abs(x) < (1 + y) / 2,
    ][shape]


def draw(label, draws):
    """Three planes, one after the other."""
    planes = [bytearray(draws.randbytes(SIDE * SIDE).translate(PALE)) for _ in range(3)]
    size, top, left = draws.randint(4, 8), draws.randint(8, 15), draws.randint(8, 15)
    ink = [draws.randint(150, 255) if label < 5 else draws.randint(60, 140) for _ in range(3)]
    for y in range(max(0, top - size), min(SIDE, top + size + 1)):
        for x in range(max(0, left - size), min(SIDE, left + size + 1)):
            if inside(label % 5, (y - top) / size, (x - left) / size):
                for plane, value in zip(planes, ink):
                    plane[y * SIDE + x] = value
    return b"".join(planes)


def save(name, shape, data):
    """Writes bytes as NumPy does."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(f"shapes/{name}.npy", "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + data)


os.makedirs("shapes", exist_ok=True)
for split, count, seed in [("train", 6000, 1), ("test", 2000, 2)]:
    draws = random.Random(seed)
    labels = bytes(index % 10 for index in range(count))
    save(f"{split}_images", (count, 3, SIDE, SIDE), b"".join(draw(label, draws) for label in labels))
    save(f"{split}_labels", (count,), labels)
