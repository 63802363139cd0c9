"""Picture files decoded into bytes of one size."""

from __future__ import annotations

import struct
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossmetric_cli.data.sentences import counted, placed, quoted
from lossmetric_cli.errors import ConfigError, DataError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

#: Endings of the files that are read as pictures.
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
#: What Pillow may take a file for by its first bytes, whatever it is called: EPS would start Ghostscript.
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
RESIZES = ("stretch", "crop", "pad")
#: Pillow's modes of a picture without colours.
_GRAY = ("1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "I;16N")
#: Pillow's modes of numbers that no byte stands for.
_NO_BYTES = ("I", "F")
#: What Pillow raises for files that are damaged or cut off.
_FAULTS = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error)


@dataclass(frozen=True)
class Header:
    """What a picture says of itself before it is decoded: height, width, and how it is mended on the way to bytes."""

    size: tuple[int, int]
    is_gray: bool
    mended: tuple[str, ...]


def decode(
    files: Sequence[Path], *, size: Any, channels: str | int, resize: str, memory: float, notes: list[str]
) -> np.ndarray:
    """Return pictures as bytes, uint8 (files, height, width, 1 or 3), upright as their camera noted.

    `size` is (height, width), or None for pictures that all have one. `resize` is "stretch", "crop" (the middle, as large
    as fits) or "pad" (all of it, on black). `channels` is 1, 3 or "auto": 1 where every picture is gray. What is mended on
    the way is added to the notes.

    Raises DataError for a file that cannot be decoded, and for more than `memory` gigabytes; ConfigError for settings that
    are none of these.
    """
    wanted = _checked_size(size)
    if resize not in RESIZES:
        raise ConfigError(f"data.resize must be {', '.join(RESIZES)}, got {quoted(resize)}")
    if channels not in ("auto", 1, 3):
        raise ConfigError(f"data.channels must be auto, 1 (gray) or 3 (colours), got {quoted(channels)}")
    with _no_bombs():
        headers = [_header(file) for file in files]
        shape = wanted or _common_size(headers, files)
        depth = int(channels) if channels != "auto" else 1 if all(header.is_gray for header in headers) else 3
        check_memory((len(files), *shape, depth), memory=memory)
        pixels = _pixels(files, (*shape, depth), resize)
    if len({header.size for header in headers} | {shape}) > 1:
        notes.append(f"images of other sizes are made {shape[0]}x{shape[1]} (resize={resize})")
    mended = Counter(what for header in headers for what in header.mended)
    notes += [f"{what} in {counted(count, 'image')}" for what, count in mended.items()]
    return pixels


@contextmanager
def _no_bombs() -> Iterator[None]:
    """Let Pillow refuse pictures of so many pixels that decoding them is an attack; it only warns of the smaller ones."""
    from PIL import Image

    with warnings.catch_warnings():  # here and not around each file: it is not safe in threads
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def check_memory(shape: Sequence[int], *, memory: float, itemsize: int = 1) -> None:
    """Raise DataError for an array of so many rows that takes more than `memory` gigabytes."""
    import math

    wanted = math.prod(shape) * itemsize / 1e9
    if wanted > memory:
        rows, cells = f"{shape[0]:,}", "x".join(map(str, shape[1:]))
        raise DataError(
            f"{rows} rows of {cells} take {wanted:.1f} GB in memory, and data.memory={memory:g} allows less; "
            f"make them smaller, or type data.memory={wanted * 1.01:.3g}"
        )


def _checked_size(size: Any) -> tuple[int, int] | None:
    if size is None:
        return None
    sides = [size, size] if isinstance(size, int) else list(size) if isinstance(size, list | tuple) else []
    if len(sides) != 2 or not all(isinstance(side, int) and side > 0 for side in sides):
        raise ConfigError(f"data.size is [height,width] in pixels, got {size}; type data.size=[64,64]")
    return sides[0], sides[1]


def _common_size(headers: list[Header], files: Sequence[Path]) -> tuple[int, int]:
    first = headers[0].size
    for header, file in zip(headers, files, strict=True):
        if header.size != first:
            sizes = (f"{height}x{width}" for height, width in (first, header.size))
            told = " and ".join(f"{file.name} is {size}" for file, size in zip((files[0], file), sizes, strict=True))
            raise DataError(f"images differ in size: {told} (height x width); type data.size=[64,64] or another")
    return first


def _header(file: Path) -> Header:
    with _opened(file) as image:
        if image.mode in _NO_BYTES:
            raise DataError(f"{placed(file)} has pixels of 32 bits, which are no bytes; save it with 8 or 16")
        is_turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        width, height = image.size
        mended = {
            "transparency is dropped": image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info,
            "16 bits are cut to 8": image.mode.startswith("I;16"),
            "only the first frame is read": getattr(image, "is_animated", False),
        }
        return Header(
            size=(width, height) if is_turned else (height, width),
            is_gray=image.mode in _GRAY,
            mended=tuple(what for what, is_so in mended.items() if is_so),
        )


@contextmanager
def _opened(file: Path) -> Iterator[Image.Image]:
    """Open a picture; raise DataError that names the file for whatever is wrong with it."""
    from PIL import Image

    shown = placed(file)
    try:
        with Image.open(file, formats=_FORMATS) as image:
            yield image
    except FileNotFoundError as error:
        raise DataError(f"image {shown} is not there; a CSV names its images from its own folder on") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        most = f"{Image.MAX_IMAGE_PIXELS / 1e6:.0f} million"
        raise DataError(f"image {shown} has more than {most} pixels; make it smaller before") from error
    except _FAULTS as error:
        if getattr(error, "errno", None):  # the disk's and not the decoder's
            raise DataError(f"cannot read image {shown}: {error.strerror}; check data.path") from error
        what = "is empty" if not file.stat().st_size else "cannot be decoded: it is damaged, cut off or no image"
        raise DataError(f"image {shown} {what}; mend it or take it out") from error


def _pixels(files: Sequence[Path], shape: tuple[int, int, int], resize: str) -> np.ndarray:
    import numpy as np

    pixels = np.empty((len(files), *shape), dtype="uint8")
    with ThreadPoolExecutor() as pool:  # Pillow decodes without holding the interpreter
        for row, image in enumerate(pool.map(lambda file: _decoded(file, shape, resize), files)):
            pixels[row] = image
    return pixels


def _decoded(file: Path, shape: tuple[int, int, int], resize: str) -> np.ndarray:
    import numpy as np
    from PIL import Image, ImageOps

    height, width, depth = shape
    with _opened(file) as opened:
        image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I;16"):  # which Pillow would clip at 255
            image = Image.fromarray((np.asarray(image) >> 8).astype("uint8"))
        if "transparency" in image.info:
            image = image.convert("RGBA")
        image = image.convert("L" if depth == 1 else "RGB")
        if image.size != (width, height):
            image = _resized(image, (width, height), resize)
        return np.asarray(image).reshape(shape)


def _resized(image: Image.Image, size: tuple[int, int], resize: str) -> Image.Image:
    """Return a picture in another size; each new pixel is a mean of those that it covers."""
    from PIL import Image, ImageOps

    if resize == "crop":
        return ImageOps.fit(image, size, Image.Resampling.BILINEAR)
    if resize == "pad":
        return ImageOps.pad(image, size, Image.Resampling.BILINEAR)
    return image.resize(size, Image.Resampling.BILINEAR)
