"""Images on their way out: read once, without metadata, upright, and small enough for a platform.

A photograph says where and with which device it was taken; none of that is published. Metadata is taken out of JPEG,
PNG, WebP and GIF files without touching a pixel, and a file that has none is left as it is. Only what lies on its side
or comes in another format is encoded anew. Pillow is loaded with the first image.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surecast.errors import UsageError

if TYPE_CHECKING:
    from PIL import Image as pillow

    from surecast.message import Image

#: No platform takes more (the largest is Bluesky's blob limit of 52,428,800 bytes).
MAX_BYTES = 50_000_000

#: Width times height, times frames where an animation is encoded anew; below the size at which Pillow itself warns.
MAX_PIXELS = 80_000_000

#: A larger picture is not shown larger by any platform.
_LONGEST_EDGE = 4096

_SCALES = (1.0, 0.75, 0.5, 0.35, 0.25, 0.15, 0.1)
_QUALITIES = (85, 75, 60)
_UPRIGHT, _ORIENTATION = 1, 0x0112

_MEDIA_TYPES = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}
_CONVERTED = ("BMP", "TIFF")
_ENCODERS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF"}

#: What a PNG needs to look right, animated or not: https://www.w3.org/TR/png-3/#5ChunkOrdering (2026-11-22).
_PNG_KEPT = frozenset(
    "IHDR PLTE IDAT IEND acTL fcTL fdAT tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST pHYs sPLT".encode().split()
)
#: The same for WebP: https://developers.google.com/speed/webp/docs/riff_container (2026-11-22).
_WEBP_KEPT = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_WEBP_EXIF_AND_XMP = 0x0C
_GIF_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")

_JPEG_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_EOI, _SOS, _APP0, _APP2, _APP14, _APP15, _COM = 0xD9, 0xDA, 0xE0, 0xE2, 0xEE, 0xEF, 0xFE
_BARE_JFIF_BYTES = 18  # a longer one holds a thumbnail


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedPicture:
    """An image as it is published.

    Attributes:
        media_type: one of JPEG, PNG, WebP and GIF.
        width, height: in pixels, as it is seen.
        digest: SHA-256 of `data` in hexadecimal.
    """

    data: bytes = field(repr=False)
    media_type: str
    width: int
    height: int
    digest: str


def read(image: Image) -> LoadedPicture:
    """Reads an image file, without its metadata and upright.

    Raises:
        UsageError: the file is not there, cannot be read, is no image, or is too large; the sentence names it.
    """
    path = Path(fspath(image.path))
    data = _file(path)
    try:
        data, media_type, (width, height) = _cleaned(data)
    except UsageError as error:
        raise UsageError(f"The image {path} {error}") from error.__cause__
    digest = hashlib.sha256(data).hexdigest()
    return LoadedPicture(data=data, media_type=media_type, width=width, height=height, digest=digest)


def shrink(data: bytes, media_type: str, max_bytes: int) -> bytes:
    """The image in at most `max_bytes`, of the same media type: first with less detail, then with fewer pixels.

    Transparency and animation stay. An image that fits is given back as it is.

    Raises:
        UsageError: it cannot be made so small.
    """
    if len(data) <= max_bytes:
        return data
    try:
        for options in _smaller_and_smaller(media_type):
            with _opened(data) as image:
                smaller = _encoded(image, media_type, **options)
            if len(smaller) <= max_bytes:
                return smaller
    except UsageError as error:
        raise UsageError(f"An image {error}") from error.__cause__
    raise UsageError(f"An image cannot be brought down to {max_bytes} bytes. Give one with less detail.")


def _file(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for without end
            raise UsageError(f"The image {path} is not a file. Name the image itself.")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise UsageError(f"The image {path} is not there. Correct the path.") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"The image {path} cannot be read ({why}). Allow it, or name another file.") from error
    if len(data) > MAX_BYTES:
        raise UsageError(f"The image {path} is larger than {MAX_BYTES // 1_000_000} MB. Give a smaller one.")
    return data


def _cleaned(data: bytes) -> tuple[bytes, str, tuple[int, int]]:
    """The bytes to publish, their media type and the size in pixels."""
    with _opened(data) as image:
        media_type = _MEDIA_TYPES.get(image.format or "", "")
        if not media_type:
            media_type = "image/png" if _has_palette_or_alpha(image) else "image/jpeg"
        elif image.getexif().get(_ORIENTATION, _UPRIGHT) in (None, 0, _UPRIGHT):
            image.load()  # what cannot be decoded to its end is found here, not by the readers
            if (stripped := _without_metadata(data, media_type)) is not None:
                return stripped, media_type, image.size
        anew = _encoded(image, media_type)
    with _opened(anew) as image:
        return anew, media_type, image.size


@contextmanager
def _opened(data: bytes) -> Iterator[pillow.Image]:
    """The image, for as long as something is done with it; what goes wrong then is the end of a sentence."""
    from PIL import Image  # noqa: PLC0415 - loaded with the first image

    try:
        with Image.open(io.BytesIO(data), formats=[*_MEDIA_TYPES, *_CONVERTED]) as image:
            _refuse_too_many_pixels(image.width * image.height)
            yield image
    except UsageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UsageError(_TOO_MANY_PIXELS) from error
    except Exception as error:  # decoders raise what they like about a broken file
        raise UsageError(
            "cannot be shown: it is broken, or no JPEG, PNG, WebP or GIF. Give one of these."
        ) from error


def _refuse_too_many_pixels(pixels: int) -> None:
    if pixels > MAX_PIXELS:
        raise UsageError(_TOO_MANY_PIXELS)


def _has_palette_or_alpha(image: pillow.Image) -> bool:
    return image.mode in {"1", "P"} or image.has_transparency_data


# --- encoding anew ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How an image is encoded anew.

    Attributes:
        scale: of both edges.
        quality: of JPEG and WebP; None keeps the original's as well as its format tells it.
        colours: of PNG; None keeps them all.
    """

    scale: float = 1.0
    quality: int | None = None
    colours: int | None = None


def _smaller_and_smaller(media_type: str) -> Iterator[_Way]:
    for scale in _SCALES:
        if media_type in {"image/jpeg", "image/webp"}:
            yield from (_Way(scale=scale, quality=quality) for quality in _QUALITIES)
        elif media_type == "image/png":
            yield from (_Way(scale=scale, colours=colours) for colours in (None, 256))
        else:
            yield _Way(scale=scale)


def _encoded(image: pillow.Image, media_type: str, way: _Way) -> bytes:
    """The image, upright, in the format of `media_type`, without metadata."""
    from PIL import ImageSequence  # noqa: PLC0415 - loaded with the first image

    still = media_type == "image/jpeg" or not getattr(image, "is_animated", False)
    options = _options(image, media_type, way)
    if still:
        frames = [_frame(image, media_type, way)]
    else:
        _refuse_too_many_pixels(image.width * image.height * getattr(image, "n_frames", 1))
        frames, durations = [], []
        for frame in ImageSequence.Iterator(image):
            frames.append(_frame(frame, media_type, way))
            durations.append(frame.info.get("duration", 0))
        options |= {"save_all": True, "append_images": frames[1:], "duration": durations}
        options |= {"loop": image.info["loop"]} if "loop" in image.info else {}
    file = io.BytesIO()
    frames[0].save(file, _ENCODERS[media_type], **options)
    return file.getvalue()


def _options(image: pillow.Image, media_type: str, way: _Way) -> dict[str, Any]:
    options: dict[str, Any] = {"icc_profile": image.info.get("icc_profile")}
    if media_type == "image/jpeg":
        options |= {"optimize": True, "quality": way.quality or 92}
        if way.quality is None and (tables := getattr(image, "quantization", None)):
            options["qtables"] = tables
    elif media_type == "image/webp":
        lossless = way.quality is None and b"VP8L" in _webp_kinds(image)
        options |= {"quality": way.quality or 92, "lossless": lossless}
    elif media_type == "image/png":
        options["optimize"] = True
    return options
