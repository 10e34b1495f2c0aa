"""Lean reading of 1-bit PNGs: what it reads is right, and what is damaged it leaves alone."""

import io
import zlib

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ingest.bilevel import SIGNATURE, read_bilevel
from ingest.images import decode_mask, encode_mask

MASK = np.random.default_rng(0).random((21, 37)) < 0.3


def by_pillow(mask: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "png")
    return file.getvalue()


def by_opencv(mask: np.ndarray, filters: int) -> bytes:
    options = [cv2.IMWRITE_PNG_BILEVEL, 1, cv2.IMWRITE_PNG_FILTER, filters]
    return cv2.imencode(".png", mask.astype(np.uint8) * 255, options)[1].tobytes()


def with_rows(rows: bytes, mask: np.ndarray = MASK) -> bytes:
    """A file whose compressed rows are these, whatever they are."""
    whole = encode_mask(mask)
    body = b"IDAT" + zlib.compress(rows)
    sizes = len(body) - 4, zlib.crc32(body)
    data = sizes[0].to_bytes(4, "big") + body + sizes[1].to_bytes(4, "big")
    return whole[:33] + data + whole[-12:]


@given(
    st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32), st.sampled_from([0, 0.1, 0.5, 1])
)
def test_masks_of_any_size_and_writer_read_alike(height, width, seed, share) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < share
    for data in (encode_mask(mask), by_opencv(mask, cv2.IMWRITE_PNG_FILTER_NONE)):
        read = read_bilevel(data)
        assert read is not None
        assert read.dtype == np.bool_
        np.testing.assert_array_equal(read, mask)
    # Pillow now and then chooses filters that look at the row above.
    np.testing.assert_array_equal(decode_mask(by_pillow(mask)), mask)


def test_rows_with_and_without_filter_in_one_file() -> None:
    packed = np.packbits(MASK, axis=1)
    rows = []
    for number, row in enumerate(packed):
        filtered = np.diff(row, prepend=np.uint8(0)) if number % 2 else row
        rows.append(bytes([number % 2]) + filtered.astype(np.uint8).tobytes())
    data = with_rows(b"".join(rows))
    read = read_bilevel(data)
    assert read is not None
    np.testing.assert_array_equal(read, MASK)
    opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert opencv is not None
    np.testing.assert_array_equal(read, opencv > 127)


def test_what_looks_at_the_row_above_is_left_to_the_general_decoder() -> None:
    data = by_opencv(MASK, cv2.IMWRITE_PNG_FILTER_UP)
    assert read_bilevel(data) is None
    np.testing.assert_array_equal(decode_mask(data), MASK)


def test_grey_masks_are_left_to_the_general_decoder() -> None:
    data = cv2.imencode(".png", MASK.astype(np.uint8) * 255)[1].tobytes()
    assert read_bilevel(data) is None
    np.testing.assert_array_equal(decode_mask(data), MASK)


def test_no_damage_passes() -> None:
    data = encode_mask(MASK)
    for at in range(len(data)):
        assert read_bilevel(data[:at]) is None
        damaged = bytearray(data)
        damaged[at] ^= 0x10
        assert read_bilevel(bytes(damaged)) is None, at


def test_too_many_and_too_few_rows_are_not_read() -> None:
    row = b"\0" + bytes(5)
    assert read_bilevel(with_rows(row * 21)) is not None
    for rows in (row * 20, row * 22, row * 21 + b"\0", b"", bytes(10_000_000)):
        assert read_bilevel(with_rows(rows)) is None
    assert read_bilevel(SIGNATURE) is None
