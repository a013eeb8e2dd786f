from __future__ import annotations

import hashlib
import io
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage
from PIL import ImageChops, ImageSequence
from PIL.PngImagePlugin import PngInfo

from surecast import pictures
from surecast.errors import UsageError
from surecast.message import Image
from surecast.pictures import LoadedPicture, shrink

SECRET = b"Canon 59.9N 10.7E"


def drawn(mode: str = "RGB", size: tuple[int, int] = (64, 48)) -> PillowImage.Image:
    """A picture whose left upper quarter is red, on noise that does not compress; always the same."""
    image = PillowImage.frombytes("L", size, random.Random(12).randbytes(size[0] * size[1])).convert("RGB")
    image.paste((255, 0, 0), (0, 0, size[0] // 2, size[1] // 2))
    if mode == "RGBA":
        image.putalpha(PillowImage.linear_gradient("L").resize(size))
    return image if mode in {"RGB", "RGBA"} else image.convert(mode)


def saved(image: PillowImage.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def exif(orientation: int | None = None) -> PillowImage.Exif:
    about = PillowImage.Exif()
    about[0x010F] = SECRET.decode()
    about.get_ifd(0x8825)[29] = "2026:11:22"
    if orientation:
        about[0x0112] = orientation
    return about


def png_notes() -> PngInfo:
    notes = PngInfo()
    notes.add_text("Author", SECRET.decode())
    notes.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    return notes


def animation(kind: str, **options: Any) -> bytes:
    frames = [PillowImage.new("RGBA", (40, 30), colour) for colour in ("red", "#00ff0080", "blue")]
    more = {"save_all": True, "append_images": frames[1:], "duration": [100, 200, 300], "loop": 0}
    return saved(frames[0], kind, **more, **options)


def frames_of(data: bytes) -> list[tuple[tuple[int, ...], float]]:
    """The middle pixel and the duration of each frame."""
    with PillowImage.open(io.BytesIO(data)) as image:
        seen = []
        for frame in ImageSequence.Iterator(image):
            middle = frame.convert("RGBA").getpixel((frame.width // 2, frame.height // 2))
            assert isinstance(middle, tuple)
            seen.append((middle, frame.info["duration"]))
        return seen


def pixels(data: bytes) -> PillowImage.Image:
    with PillowImage.open(io.BytesIO(data)) as image:
        return image.convert("RGBA")


@pytest.fixture
def read(tmp_path: Path):
    def reading(data: bytes) -> LoadedPicture:
        path = tmp_path / "picture"
        path.write_bytes(data)
        return pictures.read(Image(path))

    return reading


CLEAN = {
    "image/jpeg": saved(drawn(), "JPEG", icc_profile=b"profile" * 30),
    "image/png": saved(drawn("RGBA"), "PNG"),
    "image/webp": saved(drawn(), "WEBP"),
    "image/gif": saved(drawn("P"), "GIF"),
}


@pytest.mark.parametrize("media_type", CLEAN)
def test_a_file_without_metadata_is_left_as_it_is(media_type: str, read: Any):
    data = CLEAN[media_type]
    assert read(data) == LoadedPicture(
        data=data, media_type=media_type, width=64, height=48, digest=hashlib.sha256(data).hexdigest()
    )


@pytest.mark.parametrize("animated", [animation("GIF"), animation("WEBP", lossless=True), animation("PNG")])
def test_an_animation_without_metadata_is_left_as_it_is(animated: bytes, read: Any):
    assert read(animated).data == animated


LADEN = {
    "exif and comment in a JPEG": (
        saved(drawn(), "JPEG", exif=exif(), comment=SECRET, xmp=SECRET, icc_profile=b"profile" * 30, progressive=True)
    ),
    "an upright JPEG that says so": saved(drawn(), "JPEG", exif=exif(1)),
    "an orientation that cannot be": saved(drawn(), "JPEG", exif=exif(99)),
    "exif and text in a PNG": saved(drawn("RGBA"), "PNG", exif=exif(), pnginfo=png_notes()),
    "exif in a WebP": saved(drawn("RGBA"), "WEBP", exif=exif(), xmp=SECRET),
    "a comment in a GIF": saved(drawn("P"), "GIF", comment=SECRET),
    "exif in an animated WebP": animation("WEBP", lossless=True, exif=exif(), xmp=SECRET),
    "exif in a JPEG with four inks": saved(drawn("CMYK"), "JPEG", exif=exif()),
    "exif in a JPEG that stores red, green and blue": saved(drawn(), "JPEG", keep_rgb=True, exif=exif()),
    "a comment in an animated GIF": animation("GIF", comment=SECRET),
    "text in an animated PNG": animation("PNG", pnginfo=png_notes()),
    "data behind a JPEG": saved(drawn(), "JPEG") + SECRET,
    "data behind a PNG": saved(drawn(), "PNG") + SECRET,
    "data behind a GIF": saved(drawn("P"), "GIF") + SECRET,
    "a thumbnail in a JPEG's header": (
        CLEAN["image/jpeg"][:2] + b"\xff\xe0\0\x13JFIF\0\x01\x01\0\0\x01\0\x01\x01\x01abc" + CLEAN["image/jpeg"][20:]
    ),
    "another program's block in a GIF": (
        CLEAN["image/gif"][:-1] + b"\x21\xff\x0bXMP DataXMP\x11" + SECRET + b"\0" + CLEAN["image/gif"][-1:]
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LADEN)
def test_metadata_is_taken_out_and_no_pixel_changes(case: str, read: Any):
    picture = read(LADEN[case])
    assert SECRET not in picture.data
    assert b"Exif" not in picture.data
    assert len(picture.data) < len(LADEN[case])
    assert ImageChops.difference(pixels(picture.data), pixels(LADEN[case])).getbbox(alpha_only=False) is None
    assert read(picture.data) == picture


def test_a_colour_profile_stays(read: Any):
    with PillowImage.open(io.BytesIO(read(LADEN["exif and comment in a JPEG"]).data)) as image:
        assert image.info["icc_profile"] == b"profile" * 30


def test_what_tells_the_meaning_of_four_inks_stays(read: Any):
    assert b"Adobe" in read(LADEN["exif in a JPEG with four inks"]).data


def test_a_webp_no_longer_promises_metadata(read: Any):
    data = read(LADEN["exif in a WebP"]).data
    assert data[12:16] == b"VP8X"
    assert data[20] & 0b1100 == 0


def test_the_frames_of_an_animation_stay(read: Any):
    before = LADEN["exif in an animated WebP"]
    assert frames_of(read(before).data) == frames_of(before)


def test_the_further_images_of_a_phone_are_left_out(read: Any):
    several = saved(drawn(), "MPO", save_all=True, append_images=[drawn("L")], exif=exif())
    picture = read(several)
    assert picture.media_type == "image/jpeg"
    assert SECRET not in picture.data
    assert picture.data == saved(drawn(), "JPEG")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_what_lies_on_its_side_is_set_upright(kind: str, read: Any):
    picture = read(saved(drawn(), kind, exif=exif(6), comment=SECRET, xmp=SECRET))
    assert (picture.media_type, picture.width, picture.height) == (f"image/{kind.lower()}", 48, 64)
    assert SECRET not in picture.data
    with PillowImage.open(io.BytesIO(picture.data)) as image:
        assert dict(image.getexif()) == {}
        red, green, _ = image.convert("RGB").getpixel((40, 8))  # type: ignore[misc]
    assert red > 200
    assert green < 60


def test_turning_loses_no_more_detail_than_the_file_had(read: Any):
    before = saved(drawn(size=(640, 480)), "JPEG", quality=80, subsampling=0, exif=exif(6))
    assert 0.8 < len(read(before).data) / len(before) < 1.1
    lossless = saved(drawn("RGBA"), "WEBP", lossless=True, exact=True, exif=exif(3))
    turned = pixels(read(lossless).data).transpose(PillowImage.Transpose.ROTATE_180)
    assert ImageChops.difference(turned.convert("RGB"), pixels(lossless).convert("RGB")).getbbox() is None


def test_an_animation_on_its_side_is_set_upright_frame_by_frame(read: Any):
    before = animation("WEBP", lossless=True, exif=exif(6))
    picture = read(before)
    assert (picture.width, picture.height) == (30, 40)
    assert frames_of(picture.data) == frames_of(before)


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (saved(drawn(), "BMP"), "image/jpeg"),
        (saved(drawn(), "TIFF", exif=exif()), "image/jpeg"),
        (saved(drawn("RGBA"), "TIFF"), "image/png"),
        (saved(drawn("P"), "BMP"), "image/png"),
        (saved(drawn("1"), "TIFF"), "image/png"),
    ],
)
def test_other_formats_become_what_platforms_show(data: bytes, media_type: str, read: Any):
    picture = read(data)
    assert picture.media_type == media_type
    assert SECRET not in picture.data
    with PillowImage.open(io.BytesIO(picture.data)) as image:
        assert image.get_format_mimetype() == media_type


def unknown_structure() -> dict[str, bytes]:
    jpeg, png, gif = CLEAN["image/jpeg"], CLEAN["image/png"], CLEAN["image/gif"]
    return {
        "a JPEG with filling between segments": jpeg[:20] + b"\xff\xff" + jpeg[20:],
        "a JPEG with stray bytes between segments": jpeg[:20] + b"\0\0" + jpeg[20:],
        "a PNG without its end": png[:-6],
        "a GIF without its trailer": gif[:-1],
        "a GIF with stray bytes": gif[:-1] + b"\x01" + gif[-1:],
    }


@pytest.mark.parametrize("case", unknown_structure())
def test_a_file_that_only_the_decoder_understands_is_encoded_anew(case: str, read: Any):
    picture = read(unknown_structure()[case])
    assert (picture.width, picture.height) == (64, 48)
    assert read(picture.data) == picture


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(UsageError, match=rf"The image {tmp_path}/gone.jpg is not there\. Correct the path\."):
        pictures.read(Image(tmp_path / "gone.jpg"))


def test_a_folder_or_a_pipe_is_no_image(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(UsageError, match=rf"The image {path} is not a file\."):
            pictures.read(Image(path))


def test_a_path_that_cannot_be_opened_is_named(tmp_path: Path):
    with pytest.raises(UsageError, match=r"The image .* cannot be read: .*\. Allow it, or name another file\."):
        pictures.read(Image(str(tmp_path / ("x" * 300))))


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"<svg/>", b"%PDF-1.7", saved(drawn(), "JPEG")[:1000]])
def test_what_cannot_be_shown_is_refused(data: bytes, read: Any):
    with pytest.raises(UsageError, match=r"The image .*/picture cannot be shown: it is broken, or no JPEG, PNG, WebP"):
        read(data)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path):
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(pictures.MAX_BYTES + 1)
    with pytest.raises(UsageError, match=r"huge.png is larger than 50 MB\. Give a smaller one\."):
        pictures.read(Image(tmp_path / "huge.png"))


@pytest.mark.parametrize("edge", [9_000, 9_500, 20_000])  # above our limit, above Pillow's warning, above its refusal
def test_a_decompression_bomb_is_refused(edge: int, read: Any):
    bomb = saved(PillowImage.new("1", (edge, edge)), "PNG")
    assert len(bomb) < 100_000
    with pytest.raises(UsageError, match=r"has more than 80 million pixels\. Give a smaller one\."):
        read(bomb)


def test_a_bomb_in_many_frames_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pictures, "MAX_PIXELS", 40 * 30 * 2)
    with pytest.raises(UsageError, match="An image has more than 80 million pixels"):
        shrink(animation("GIF"), "image/gif", 100)


def test_an_image_that_fits_is_given_back():
    assert shrink(b"whatever", "image/jpeg", 8) == b"whatever"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("max_bytes", [150_000, 40_000, 6_000])
def test_an_image_is_brought_under_a_limit(kind: str, max_bytes: int):
    before = saved(drawn(size=(640, 480)), kind)
    after = shrink(before, f"image/{kind.lower()}", max_bytes)
    assert max_bytes / 8 < len(after) <= max_bytes
    with PillowImage.open(io.BytesIO(after)) as image:
        assert image.get_format_mimetype() == f"image/{kind.lower()}"
        assert image.width / image.height == pytest.approx(4 / 3, abs=0.02)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
@pytest.mark.parametrize("max_bytes", [200_000, 20_000])
def test_transparency_stays(kind: str, max_bytes: int):
    after = pixels(shrink(saved(drawn("RGBA", (640, 480)), kind, lossless=True), f"image/{kind.lower()}", max_bytes))
    assert after.getpixel((after.width // 2, 0))[3] < 40  # type: ignore[index]
    assert after.getpixel((after.width // 2, after.height - 1))[3] > 215  # type: ignore[index]


@pytest.mark.parametrize("mode", ["L", "CMYK", "P", "1", "LA", "I;16"])
def test_every_mode_can_be_made_smaller(mode: str):
    kind = "JPEG" if mode == "CMYK" else "PNG"
    before = saved(drawn(mode, (640, 480)), kind)
    after = shrink(before, f"image/{kind.lower()}", len(before) // 4)
    assert len(after) <= len(before) // 4


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_stays_one(kind: str):
    frames = [drawn(size=(200, 150)).rotate(angle) for angle in (0, 90, 180)]
    before = saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=[100, 200, 300])
    after = shrink(before, f"image/{kind.lower()}", len(before) // 5)
    assert len(after) <= len(before) // 5
    assert [duration for _, duration in frames_of(after)] == [100, 200, 300]


@pytest.mark.parametrize("kind", ["GIF", "PNG"])
def test_what_moves_leaves_no_trace(kind: str):
    frames = [drawn("RGBA", (200, 150)) for _ in range(2)]
    for place, frame in enumerate(frames):
        frame.putalpha(0)
        frame.paste((255, 0, 0, 255), (100 * place, 0, 100 * place + 100, 150))
    before = saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100, disposal=2, optimize=False)
    with PillowImage.open(io.BytesIO(before)) as image:
        after = pictures._encoded(image, f"image/{kind.lower()}", pictures._Way(scale=0.5))
    with PillowImage.open(io.BytesIO(after)) as image:
        image.seek(1)
        left, right = (image.convert("RGBA").getpixel((x, 37))[3] for x in (20, 80))  # type: ignore[index]
    assert (left, right) == (0, 255)


def test_a_picture_larger_than_any_screen_is_brought_down_first():
    before = saved(PillowImage.new("RGB", (9_000, 300), "red"), "JPEG")
    assert pixels(shrink(before, "image/jpeg", len(before) - 1)).size == (4096, 137)


def test_a_limit_that_no_image_can_keep_is_an_error():
    with pytest.raises(UsageError, match=r"cannot be brought down to 60 bytes\. Give one with less detail\."):
        shrink(CLEAN["image/png"], "image/png", 60)
    with pytest.raises(UsageError, match="An image cannot be shown: it is broken"):
        shrink(b"broken", "image/png", 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from([*CLEAN.values(), *LADEN.values()]),
    st.lists(st.tuples(st.integers(0, 2_000), st.binary(max_size=4)), min_size=1, max_size=4),
    st.none() | st.integers(0, 3_000),
)
def test_a_damaged_file_is_shown_without_metadata_or_refused(
    read: Any, data: bytes, damages: list[tuple[int, bytes]], end: int | None
):
    for place, bits in damages:
        data = data[:place] + bits + data[place + len(bits) :]
    try:
        picture = read(data[:end])
    except UsageError:
        return
    assert read(picture.data).media_type == picture.media_type


def test_pillow_is_loaded_with_the_first_image_only():
    code = "import sys; import surecast.pictures; assert 'PIL' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
