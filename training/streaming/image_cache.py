"""Pictures that were decoded lately: neighbouring pairs share their canvases, and all pairs of a
painting its target, so most pictures of a block of samples are needed three times."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

import numpy as np

from ingest.format.images import decode_image


class ImageCache:
    """Decodes pictures and keeps the last ones, up to a number of bytes. Threads may share it."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes, self._num_bytes = max_bytes, 0
        self._images: OrderedDict[bytes, np.ndarray] = OrderedDict()
        self._lock = Lock()

    def decode(self, data: bytes) -> np.ndarray:
        """`ingest.format.images.decode_image`, read-only: RGB uint8 (H, W, 3)."""
        if not self._max_bytes:
            return decode_image(data)
        # The encoded bytes are the key: no hash that a file claims, and no chance of a mix-up.
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
