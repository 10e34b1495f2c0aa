"""Caches decoded images. Neighbouring pairs share canvases and all pairs of a painting share the
target, so most images of a block of samples are needed three times."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

import numpy as np

from ingest.format.images import decode_image


class ImageCache:
    """Decodes images; least recently used ones are dropped above `max_bytes`. Thread-safe."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes, self._num_bytes = max_bytes, 0
        self._images: OrderedDict[bytes, np.ndarray] = OrderedDict()
        self._lock = Lock()

    def decode(self, data: bytes) -> np.ndarray:
        """`ingest.format.images.decode_image`, read-only: RGB uint8 (H, W, 3)."""
        if not self._max_bytes:
            return decode_image(data)
        # The encoded bytes are the key, so two images cannot be mixed up.
        with self._lock:
            known = self._images.get(data)
            if known is not None:
                self._images.move_to_end(data)
                return known
        image = decode_image(data)
        image.flags.writeable = False
        with self._lock:
            if data not in self._images:
                self._images[data] = image
                self._num_bytes += image.nbytes + len(data)
            while self._num_bytes > self._max_bytes:
                old, dropped = self._images.popitem(last=False)
                self._num_bytes -= dropped.nbytes + len(old)
        return image
