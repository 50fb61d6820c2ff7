"""The images of a pass, drawn from the colours of its template.

A mark (a ticket with two notches) and a soft gradient need no image library: an indexed PNG is a
few chunks of zlib (https://www.w3.org/TR/png/), where Pillow would add 20 MB to the package. The
pixels are the same for all templates and are made once; a template only brings its palette. The
name of the business stands beside the logo as text, which Wallet draws sharper than we could.
"""

import math
import struct
import zlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from chalicelib.core.cards.templates import Design

_SCALES: Final = {"": 1, "@2x": 2, "@3x": 3}
_ICON_POINTS: Final = 29
_LOGO_POINTS: Final = 50
_STRIP_POINTS: Final = (375, 144)
_LEVELS: Final = 32
"""Shades between the two colours of an image, so that edges are smooth."""

# How much of the foreground the strip takes on at its foot.
_STRIP_TINT: Final = 0.22
_TEMPLATES_KEPT: Final = 64

Colour = tuple[int, int, int]


@lru_cache(_TEMPLATES_KEPT)
def images(design: Design) -> dict[str, bytes]:
    """Return the PNG files of a pass by their names: icon, logo and strip, in three sizes each."""
    back, front = _rgb(design.background), _rgb(design.foreground)
    found = {}
    for suffix, scale in _SCALES.items():
        icon, logo = _ICON_POINTS * scale, _LOGO_POINTS * scale
        width, height = (points * scale for points in _STRIP_POINTS)
        found[f"icon{suffix}.png"] = _png(icon, icon, _mark(icon), _blend(back, front, 1.0))
        # Only the mark itself: the pass shines through beside it.
        found[f"logo{suffix}.png"] = _png(
            logo, logo, _mark(logo), [front] * _LEVELS, alpha=_opacities()
        )
        found[f"strip{suffix}.png"] = _png(
            width, height, _gradient(width, height), _blend(back, front, _STRIP_TINT)
        )
    return found


@lru_cache
def _mark(size: int) -> bytes:
    """Return a ticket on nothing as compressed rows; each pixel is how much of it is covered."""
    rows = []
    for y in range(size):
        row = bytearray([0])  # Each row begins with its filter: none.
        for x in range(size):
            distance = _outside_ticket(x + 0.5 - size / 2, y + 0.5 - size / 2, size)
            covered = min(max(0.5 - distance, 0.0), 1.0)
            row.append(round(covered * (_LEVELS - 1)))
        rows.append(bytes(row))
    return zlib.compress(b"".join(rows), 9)


def _outside_ticket(x: float, y: float, size: int) -> float:
    """Return how many pixels a point lies outside of the ticket; negative inside."""
    half_width, half_height, corner, notch = (size * part for part in (0.40, 0.26, 0.06, 0.09))
    across, down = abs(x) - half_width + corner, abs(y) - half_height + corner
    beyond = math.hypot(max(across, 0.0), max(down, 0.0))
    body = beyond + min(max(across, down), 0.0) - corner
    to_notch = math.hypot(abs(x) - half_width, y)
    return max(body, notch - to_notch)


@lru_cache
def _gradient(width: int, height: int) -> bytes:
    rows = (bytes([0]) + bytes([y * _LEVELS // height]) * width for y in range(height))
    return zlib.compress(b"".join(rows), 9)


def _png(
    width: int,
    height: int,
    pixels: bytes,
    palette: Iterable[Colour],
    *,
    alpha: bytes | None = None,
) -> bytes:
    """Return an indexed PNG of 8 bits a pixel; ``alpha`` has an opacity for each colour."""
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"PLTE", b"".join(bytes(colour) for colour in palette))]
    if alpha is not None:
        chunks.append((b"tRNS", alpha))
    chunks += [(b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _blend(first: Colour, second: Colour, amount: float) -> list[Colour]:
    """Return the shades from ``first`` to as much of ``second`` as ``amount`` says."""
    shares = [amount * level / (_LEVELS - 1) for level in range(_LEVELS)]
    return [
        (
            round(first[0] + (second[0] - first[0]) * share),
            round(first[1] + (second[1] - first[1]) * share),
            round(first[2] + (second[2] - first[2]) * share),
        )
        for share in shares
    ]


def _opacities() -> bytes:
    return bytes(round(255 * level / (_LEVELS - 1)) for level in range(_LEVELS))


def _rgb(colour: str) -> Colour:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue
