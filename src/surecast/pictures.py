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
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from surecast.errors import UsageError

if TYPE_CHECKING:
    from PIL import Image as PillowImage

    from surecast.message import Image

#: No platform takes more: the largest limit is 52,428,800 bytes for a Bluesky blob
#: (https://docs.bsky.app/docs/advanced-guides/rate-limits, 2026-11-22).
MAX_BYTES = 50_000_000

#: Width times height, times frames where an animation is encoded anew. Pillow itself warns a little above.
MAX_PIXELS = 80_000_000

#: No platform shows an image larger than that.
_LONGEST_EDGE = 4096

_SCALES = (1.0, 0.75, 0.5, 0.35, 0.25, 0.15, 0.1)
_QUALITIES = (85, 75, 60)
_QUALITY = 92  # where nothing has to become smaller

# MPO is what Pillow calls a JPEG file with further images behind the first, as many phones write.
_MEDIA_TYPES = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}
_ENCODERS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF"}
_CONVERTED = ("BMP", "TIFF")
_READABLE = ("JPEG", "PNG", "WEBP", "GIF", *_CONVERTED)

_ORIENTATION, _UPRIGHT = 0x0112, 1

_TOO_MANY_PIXELS = f"has more than {MAX_PIXELS // 1_000_000} million pixels. Give a smaller one."
_BROKEN = "cannot be shown: it is broken, or no JPEG, PNG, WebP or GIF. Give one of these."


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedPicture:
    """An image as it is published.

    Attributes:
        media_type: that of JPEG, PNG, WebP or GIF.
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
        UsageError: the file is not there, cannot be read, is no image or too large; the sentence names it.
    """
    path = Path(fspath(image.path))
    original = _file(path)
    try:
        data, media_type, (width, height) = _cleaned(original)
    except UsageError as error:
        raise UsageError(f"The image {path} {error}") from error
    digest = hashlib.sha256(data).hexdigest()
    return LoadedPicture(data=data, media_type=media_type, width=width, height=height, digest=digest)


def shrink(data: bytes, media_type: str, max_bytes: int) -> bytes:
    """The image in at most `max_bytes` and of the same media type: first with less detail, then with fewer pixels.

    Transparency and animation stay. An image that fits is given back as it is.

    Raises:
        UsageError: it cannot be made so small.
    """
    if len(data) <= max_bytes:
        return data
    try:
        with _opened(data) as image:
            edge = max(image.size)
        for way in _smaller_and_smaller(media_type, min(1.0, _LONGEST_EDGE / edge)):
            with _opened(data) as image:
                smaller = _encoded(image, media_type, way)
            if len(smaller) <= max_bytes:
                return smaller
    except UsageError as error:
        raise UsageError(f"An image {error}") from error
    raise UsageError(f"An image cannot be brought down to {max_bytes} bytes. Give one with less detail.")


def _file(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():  # reading a pipe might never end
            raise UsageError(f"The image {path} is not a file. Name the image itself.")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise UsageError(f"The image {path} is not there. Correct the path.") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"The image {path} cannot be read: {error}. Allow it, or name another file.") from error
    if len(data) > MAX_BYTES:
        raise UsageError(f"The image {path} is larger than {MAX_BYTES // 1_000_000} MB. Give a smaller one.")
    return data


def _cleaned(data: bytes) -> tuple[bytes, str, tuple[int, int]]:
    """The bytes to publish, their media type and the size in pixels."""
    with _opened(data) as image:
        image.load()  # what cannot be decoded is found here, not by the readers
        media_type = _MEDIA_TYPES.get(image.format or "", "")
        lies_on_its_side = image.getexif().get(_ORIENTATION, _UPRIGHT) in range(2, 9)
        if media_type and not lies_on_its_side and (stripped := _without_metadata(data, media_type)):
            return stripped, media_type, image.size
        media_type = media_type or ("image/png" if _has_few_colours_or_alpha(image) else "image/jpeg")
        anew = _encoded(image, media_type, _Way(lossless=b"VP8L" in data))
    with _opened(anew) as image:
        return anew, media_type, image.size


@contextmanager
def _opened(data: bytes) -> Iterator[PillowImage.Image]:
    """The image, for as long as something is done with it; what goes wrong meanwhile is the end of a sentence."""
    from PIL import Image  # noqa: PLC0415 - loaded with the first image

    try:
        with Image.open(io.BytesIO(data), formats=_READABLE) as image:
            _refuse_too_many(image.width * image.height)
            yield image
    except UsageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UsageError(_TOO_MANY_PIXELS) from error
    except Exception as error:  # decoders raise what they like about a broken file
        raise UsageError(_BROKEN) from error


def _refuse_too_many(pixels: int) -> None:
    if pixels > MAX_PIXELS:
        raise UsageError(_TOO_MANY_PIXELS)


def _has_few_colours_or_alpha(image: PillowImage.Image) -> bool:
    return image.mode in {"1", "P"} or image.has_transparency_data


# Encoding anew


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How an image is encoded anew.

    Attributes:
        scale: of both edges.
        quality: of JPEG and WebP, 1 to 100; None for hardly any loss.
        lossless: of WebP.
        colours: of PNG; None keeps them all.
    """

    scale: float = 1.0
    quality: int | None = None
    lossless: bool = False
    colours: int | None = None


def _smaller_and_smaller(media_type: str, largest: float) -> Iterator[_Way]:
    for scale in (largest * scale for scale in _SCALES):
        if media_type in {"image/jpeg", "image/webp"}:
            yield from (_Way(scale=scale, quality=quality) for quality in _QUALITIES)
        elif media_type == "image/png":
            yield from (_Way(scale=scale, colours=colours) for colours in (None, 256))
        else:
            yield _Way(scale=scale)


def _encoded(image: PillowImage.Image, media_type: str, way: _Way) -> bytes:
    """The image, upright, in the format of `media_type`, without metadata."""
    from PIL import ImageSequence  # noqa: PLC0415 - loaded with the first image

    options = _options(image, media_type, way)
    if media_type == "image/jpeg" or not getattr(image, "is_animated", False):
        frames = [_frame(image, media_type, way)]
    else:
        _refuse_too_many(image.width * image.height * getattr(image, "n_frames", 1))
        frames, durations = [], []
        for frame in ImageSequence.Iterator(image):
            frames.append(_frame(frame, media_type, way))
            durations.append(frame.info.get("duration", 0))
        options |= {"save_all": True, "append_images": frames[1:], "duration": durations}
        options |= {"loop": image.info["loop"]} if "loop" in image.info else {}
    file = io.BytesIO()
    frames[0].save(file, _ENCODERS[media_type], **options)
    return file.getvalue()


def _options(image: PillowImage.Image, media_type: str, way: _Way) -> dict[str, Any]:
    options: dict[str, Any] = {"icc_profile": image.info.get("icc_profile"), "optimize": True}
    if media_type == "image/jpeg":
        from PIL.JpegImagePlugin import get_sampling  # noqa: PLC0415 - loaded with the first image

        if way.quality is None and (tables := getattr(image, "quantization", None)):
            # The original's own detail, neither less nor more.
            options |= {"qtables": tables, "subsampling": get_sampling(image)}
        else:
            options["quality"] = way.quality or _QUALITY
    if media_type == "image/webp":
        options |= {"quality": way.quality or _QUALITY, "lossless": way.lossless}
    if media_type == "image/gif":
        options["disposal"] = 2  # frames are whole pictures: each takes the place of the one before
    return options


def _frame(image: PillowImage.Image, media_type: str, way: _Way) -> PillowImage.Image:
    from PIL import Image, ImageOps  # noqa: PLC0415 - loaded with the first image

    frame = ImageOps.exif_transpose(image)
    if media_type == "image/jpeg":
        frame = frame if frame.mode in {"L", "RGB", "CMYK"} else frame.convert("RGB")
    elif frame.mode not in {"L", "RGB", "RGBA"}:
        frame = frame.convert("RGBA" if frame.has_transparency_data else "RGB")
    if way.scale != 1.0:
        width, height = (max(1, round(edge * way.scale)) for edge in frame.size)
        frame = frame.resize((width, height), Image.Resampling.LANCZOS)
    if way.colours is not None and frame.mode != "L":
        frame = frame.quantize(way.colours, Image.Quantize.FASTOCTREE)
    frame.info = {name: frame.info[name] for name in ("transparency",) if name in frame.info}
    return frame


# Taking metadata out


def _without_metadata(data: bytes, media_type: str) -> bytes | None:
    """The same picture, bit for bit, and nothing else; None when the file is built in a way that we do not know."""
    try:
        return b"".join(_STRIPPERS[media_type](data))
    except (IndexError, ValueError):
        return None


_EOI, _SOS, _APP0, _APP2, _APP14, _APP15, _COM = 0xD9, 0xDA, 0xE0, 0xE2, 0xEE, 0xEF, 0xFE
_BARE_JFIF_BYTES = 18  # a longer one holds a thumbnail
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)


def _jpeg(data: bytes) -> Iterator[bytes]:
    """Segments that decide how the picture looks, up to its end: what follows there are further images of a phone.

    https://www.w3.org/Graphics/JPEG/itu-t81.pdf, annex B (2026-11-22).
    """
    yield data[:2]
    place = 2
    while (marker := _marker(data, place)) != _EOI:
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4])
        if marker == _SOS:
            after = _AFTER_SCAN.search(data, end)
            end = after.start() if after else len(data)
        segment = data[place:end]
        if _is_seen(marker, segment):
            yield segment
        place = end
    yield data[place : place + 2]


def _marker(data: bytes, place: int) -> int:
    if data[place] != 0xFF or data[place + 1] < 0xC0:
        raise ValueError("no marker where one must be")
    return data[place + 1]


def _is_seen(marker: int, segment: bytes) -> bool:
    if marker == _APP0:
        return segment[4:9] == b"JFIF\0" and len(segment) == _BARE_JFIF_BYTES
    if marker == _APP2:
        return segment[4:16] == b"ICC_PROFILE\0"
    if marker == _APP14:
        return segment[4:9] == b"Adobe"
    return not (_APP0 <= marker <= _APP15 or marker == _COM)


#: https://www.w3.org/TR/png-3/#5ChunkOrdering (2026-11-22).
_PNG_SEEN = frozenset(
    (
        b"IHDR", b"PLTE", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT", b"tRNS", b"cHRM", b"gAMA",
        b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"bKGD", b"hIST", b"pHYs", b"sPLT",
    )
)  # fmt: skip


def _png(data: bytes) -> Iterator[bytes]:
    yield data[:8]
    place, kind = 8, b""
    while kind != b"IEND":
        size, kind = int.from_bytes(data[place : place + 4]), data[place + 4 : place + 8]
        end = place + 12 + size
        if end > len(data):
            raise ValueError("a chunk does not end")
        if kind in _PNG_SEEN:
            yield data[place:end]
        place = end


#: https://developers.google.com/speed/webp/docs/riff_container (2026-11-22).
_WEBP_SEEN = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_EXIF_AND_XMP = 0x0C


def _webp(data: bytes) -> Iterator[bytes]:
    body = b"WEBP"
    place, last = 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while place < last:
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        chunk = data[place : place + 8 + size + size % 2]
        place += 8 + size + size % 2
        if chunk[:4] == b"VP8X":
            body += chunk[:8] + bytes((chunk[8] & ~_EXIF_AND_XMP,)) + chunk[9:]
        elif chunk[:4] in _WEBP_SEEN:
            body += chunk
    yield b"RIFF" + len(body).to_bytes(4, "little") + body


_EXTENSION, _DESCRIPTOR, _TRAILER, _APPLICATION, _COMMENT = 0x21, 0x2C, 0x3B, 0xFF, 0xFE
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


def _gif(data: bytes) -> Iterator[bytes]:
    """https://www.w3.org/Graphics/GIF/spec-gif89a.txt (2026-11-22); of applications' blocks only the loop count."""
    place = 13 + _colour_table(data[10])
    yield data[:place]
    while (block := data[place]) != _TRAILER:
        if block == _EXTENSION:
            end = _after_subblocks(data, place + 2)
            seen = data[place + 1] != _COMMENT
            if data[place + 1] == _APPLICATION:
                seen = data[place + 3 : place + 14] in _LOOPS
        elif block == _DESCRIPTOR:
            end, seen = _after_subblocks(data, place + 11 + _colour_table(data[place + 9])), True
        else:
            raise ValueError("no block where one must be")
        if seen:
            yield data[place:end]
        place = end
    yield data[place : place + 1]


def _colour_table(flags: int) -> int:
    """The bytes of the colour table that the flags announce."""
    return 3 * 2 ** (flags % 8 + 1) if flags & 0x80 else 0


def _after_subblocks(data: bytes, place: int) -> int:
    while size := data[place]:
        place += 1 + size
    return place + 1


_STRIPPERS: Mapping[str, Callable[[bytes], Iterator[bytes]]] = MappingProxyType(
    {"image/jpeg": _jpeg, "image/png": _png, "image/webp": _webp, "image/gif": _gif}
)
