"""Containers, codecs and pixel formats of films, and what each can say of its colours and times."""

from __future__ import annotations

from dataclasses import dataclass

LOSSLESS = {
    *("ffv1", "png", "apng", "qtrle", "huffyuv", "utvideo", "magicyuv", "rawvideo", "v210"),
    *("zlib", "r210"),
}
"""Codecs that keep every value of their pixel format."""
VARIABLE_RATE = {"mp4", "mov", "mkv", "webm"}
"""Containers that store any times."""
ORDINARY_RATE = {"mpeg1video", "mpeg2video", "cinepak", "svq1"}
"""Codecs that know only some rates, or only even ones."""
DISPLAY_MATRIX = {"mp4", "mov", "3gp"}
"""Containers whose display matrix is written here."""
OPTIONS = {
    "libx264": {"crf": "14", "preset": "veryfast"},
    "libx265": {"crf": "12", "preset": "superfast", "x265-params": "log-level=0"},
    "libvpx": {"crf": "6", "b": "8M", "cpu-used": "5", "auto-alt-ref": "0"},
    "libvpx-vp9": {"crf": "12", "b": "0", "cpu-used": "5", "auto-alt-ref": "0"},
    "libsvtav1": {"crf": "14", "preset": "9"},
}
"""Encoder options: good quality, fast. Other lossy codecs have `BIT_RATE`."""
BIT_RATE = 6_000_000


@dataclass(frozen=True)
class FilmFormat:
    """A container (by its ending), an encoder and a pixel format."""

    ending: str
    codec: str
    pixels: str
    tags: str = ""
    """What a file can say of its colours: m matrix, t transfer and primaries, r range."""

    @property
    def has_alpha(self) -> bool:
        return self.pixels.startswith(("yuva", "rgba", "bgra", "argb", "gbrap", "ya"))

    @property
    def is_grey(self) -> bool:
        return self.pixels.startswith(("gray", "ya")) and not self.pixels.startswith("yuv")

    @property
    def is_yuv(self) -> bool:
        return self.pixels.startswith("yuv")

    @property
    def is_deep(self) -> bool:
        """More than 8 bit, as HDR needs."""
        return self.pixels.endswith(("le", "be"))

    @property
    def is_subsampled(self) -> bool:
        """Colour is stored at less than the full resolution."""
        return self.is_yuv and "444" not in self.pixels

    @property
    def is_always_bt601(self) -> bool:
        """JPEG and VP8 have no other matrix; Ut Video says so of itself."""
        return self.codec in ("mjpeg", "libvpx", "utvideo")

    @property
    def is_lossless(self) -> bool:
        return self.codec in LOSSLESS

    @property
    def has_free_times(self) -> bool:
        return self.ending in VARIABLE_RATE and self.codec not in ORDINARY_RATE

    @property
    def has_pixel_aspect(self) -> bool:
        """The container tells the shape of a pixel, or the stream itself."""
        in_stream = self.codec in ("libx264", "libx265", "mpeg4") and self.ending == "mkv"
        return self.ending in ("mp4", "mov") or in_stream

    @property
    def has_even_sides(self) -> bool:
        """Odd sizes are not possible."""
        return self.is_subsampled or self.codec in ("libsvtav1", "libx265", "cinepak")


def _of(endings: str, codec: str, pixels: str, tags: str = "") -> list[FilmFormat]:
    return [FilmFormat(e, codec, p, tags) for e in endings.split() for p in pixels.split()]


FORMATS = [
    *_of("mp4 mov mkv avi ts flv 3gp m2ts h264", "libx264", "yuv420p", "mtr"),
    *_of("mp4 mov mkv", "libx264", "yuv422p yuv444p yuv420p10le yuv422p10le yuv444p10le", "mtr"),
    *_of("mp4 mkv", "libx264", "yuvj420p", "mt"),
    *_of("mp4 mkv ts hevc", "libx265", "yuv420p yuv420p10le", "mtr"),
    *_of("mp4", "libx265", "yuv422p10le yuv444p yuv444p12le", "mtr"),
    *_of("mkv", "libx265", "gbrp"),
    *_of("webm mkv", "libvpx", "yuv420p yuva420p"),
    *_of("ivf", "libvpx", "yuv420p"),
    *_of("webm mp4", "libvpx-vp9", "yuv420p yuv444p", "mtr"),
    *_of("webm", "libvpx-vp9", "yuva420p gbrp"),
    *_of("mp4 webm mkv", "libsvtav1", "yuv420p yuv420p10le", "mtr"),
    *_of("obu", "libsvtav1", "yuv420p", "mtr"),
    *_of("mp4 mkv", "mpeg4", "yuv420p", "mtr"),
    *_of("avi 3gp m4v", "mpeg4", "yuv420p"),
    *_of("mov mkv", "prores_ks", "yuv422p10le yuv444p10le yuva444p10le", "mt"),
    *_of("avi mov mkv mjpeg", "mjpeg", "yuvj420p yuvj444p"),
    *_of("mpg ts mkv", "mpeg2video", "yuv420p", "mt"),
    *_of("mpg", "mpeg1video", "yuv420p"),
    *_of("wmv", "wmv2", "yuv420p"),
    *_of("wmv", "wmv1", "yuv420p"),
    *_of("avi", "msmpeg4", "yuv420p"),
    *_of("flv", "flv", "yuv420p"),
    *_of("mkv", "ffv1", "yuv420p yuv422p yuv444p yuv420p10le yuv444p16le", "mtr"),
    *_of("mkv", "ffv1", "bgr0 gbrp10le rgb48le", "t"),
    *_of("mkv", "ffv1", "yuva420p yuva444p10le", "mtr"),
    *_of("mkv", "ffv1", "bgra gbrap12le rgba64le", "t"),
    *_of("mkv", "ffv1", "gray gray16le ya8"),
    *_of("avi", "ffv1", "yuv420p"),
    *_of("mov", "png", "rgba rgb24 rgb48be gray ya8"),
    *_of("mov", "qtrle", "argb rgb24"),
    *_of("avi", "huffyuv", "rgb24 yuv422p bgra"),
    *_of("avi", "utvideo", "gbrap yuv420p gbrp"),
    *_of("avi", "magicyuv", "gbrap yuva444p yuv444p"),
    *_of("avi", "rawvideo", "bgr24 yuv420p bgra"),
    *_of("y4m", "rawvideo", "yuv420p yuv444p"),
    *_of("mov", "v210", "yuv422p10le", "mt"),
    *_of("mov", "jpeg2000", "rgb24 rgba"),
    *_of("mov", "r210", "gbrp10le"),
    *_of("avi", "zlib", "bgr24"),
    *_of("apng", "apng", "rgba rgb24"),
    *_of("gif", "gif", "pal8"),
]
"""All that a film may be."""
