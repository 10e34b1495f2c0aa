"""The verdict on the combination of an index: every fifth is a folder of keyframes."""

from __future__ import annotations

import av.logging

from tests.ingest.per_source.combinations.film_check import check_film
from tests.ingest.per_source.combinations.film_combinations import film_combination
from tests.ingest.per_source.combinations.findings import Finding
from tests.ingest.per_source.combinations.folder_check import check_folder
from tests.ingest.per_source.combinations.picture_combinations import folder_combination

FOLDER_EVERY = 5


def is_folder(index: int) -> bool:
    return index % FOLDER_EVERY == FOLDER_EVERY - 1


def combination_id(index: int) -> str:
    """The index and what the combination is, for people."""
    return folder_combination(index).id if is_folder(index) else film_combination(index).id


def check(index: int) -> Finding:
    """The verdict; an input that cannot be made raises."""
    # Encoders tell much that is no fault.
    av.logging.set_level(av.logging.PANIC)
    if is_folder(index):
        return check_folder(folder_combination(index))
    return check_film(film_combination(index))
