"""The round trip of a review through LibreOffice Calc loses no correction.

Calc opens the export, converts cells to numbers and dates, and saves CSV. The typed cells are put
into the document that Calc made. Skipped if LibreOffice is not installed (apt-get install
--no-install-recommends libreoffice-calc).
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pandas
import pytest

from ingest.format.dataset import Dataset
from labeling.corrections.corrections import read_corrections
from labeling.review.spreadsheet_export import ReviewConfig, export_review
from labeling.review.spreadsheet_import import import_review

SOFFICE = shutil.which("soffice")
pytestmark = pytest.mark.skipif(SOFFICE is None, reason="LibreOffice is not installed")

DETECT = "0,false,true"
"""Language by the system, no quotes around all cells, numbers and dates are looked for."""
WAYS = {
    "UTF-8 with commas": f"44,34,76,1,,{DETECT}",
    "Windows-1252 with semicolons": f"59,34,1,1,,{DETECT}",
    "UTF-16 with tabs": f"9,34,65535,1,,{DETECT}",
}
LABELS = ("true", "1e5", "007", "may 1", "sky, cloud", "", "bush", "3 4")
TYPED = (
    {"corrected": "Bäume", "note": "größer; „älter“, sagt Zoë"},
    {"corrected": "castle, moat"},
    {"corrected": "007"},
    {"corrected": "TRUE", "note": "'so'"},
    {"verdict": "accept", "reviewer": "Bob"},
    {"corrected": "=1+1", "note": "-3 steps\nlater"},
    {"verdict": "reject", "note": "@home"},
)
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"


def convert(file: Path, target: str, out: Path, *options: str) -> Path:
    """The file as LibreOffice saves it, in a folder of its own."""
    assert SOFFICE is not None
    profile = f"-env:UserInstallation=file://{file.parent / 'profile'}"
    command = [SOFFICE, profile, "--headless", *options, "--convert-to", target, "--outdir", out]
    subprocess.run([*command, file], check=True, capture_output=True, timeout=120)
    return out / f"{file.stem}.{target.partition(':')[0]}"


def cells(row: ElementTree.Element) -> list[ElementTree.Element]:
    """Every cell of a row as an element of its own: equal neighbours are stored once."""
    for cell in list(row):
        number = int(cell.attrib.pop(f"{TABLE}number-columns-repeated", "1"))
        for _ in range(number - 1):
            row.insert(list(row).index(cell), ElementTree.fromstring(ElementTree.tostring(cell)))
    return list(row)


def type_into(document: Path, typed: tuple[dict[str, str], ...]) -> None:
    """Text typed into rows of a flat document, which are sorted the other way round as well."""
    for _, (prefix, uri) in ElementTree.iterparse(document, ["start-ns"]):
        ElementTree.register_namespace(prefix, uri)  # LibreOffice tells the format by its prefixes
    tree = ElementTree.parse(document)
    table = next(tree.iter(f"{TABLE}table"))
    head, *rows = [row for row in table.iter(f"{TABLE}table-row") if "".join(row.itertext())]
    names = ["".join(cell.itertext()).strip() for cell in cells(head)]
    for row, entries in zip(rows, typed, strict=False):
        found = dict(zip(names, cells(row), strict=False))
        for name, text in entries.items():
            found[name].attrib = {f"{OFFICE}value-type": "string"}
            found[name][:] = [ElementTree.Element(f"{TEXT}p") for _ in text.split("\n")]
            for paragraph, line in zip(found[name], text.split("\n"), strict=True):
                paragraph.text = line
    for row in rows:
        table.remove(row)
    place = list(table).index(head) + 1
    for row in rows:
        table.insert(place, row)
    tree.write(document, encoding="utf-8", xml_declaration=True)


def test_no_correction_is_lost_in_calc(
    labeled_dataset: Callable[..., Dataset], tmp_path: Path
) -> None:
    dataset = labeled_dataset(2, 0)
    table = pandas.read_parquet(dataset.instructions_parquet)
    table["text"] = table["raw_text"] = list(LABELS)
    table.to_parquet(dataset.instructions_parquet)
    export_review(dataset, tmp_path / "review.csv", ReviewConfig())
    opened = convert(
        tmp_path / "review.csv", "fods", tmp_path, f"--infilter=CSV:{WAYS['UTF-8 with commas']}"
    )
    type_into(opened, TYPED)
    logs = set()
    for number, (way, options) in enumerate(WAYS.items()):
        target = f"csv:Text - txt - csv (StarCalc):{options}"
        saved = convert(opened, target, tmp_path / str(number))
        dataset.corrections_csv.unlink(missing_ok=True)
        report = import_review(dataset, saved, "Ann")
        assert report.counts["applied"] == len(TYPED), (way, report.rows)
        assert report.counts["unchanged"] == len(LABELS) - len(TYPED), (way, report.rows)
        assert import_review(dataset, saved, "Ann").counts["applied"] == 0, "said before"
        logs.add(dataset.corrections_csv.read_bytes())
    assert len(logs) == 1, "all three files say the same"
    said = {
        (c.verdict, c.instruction if c.verdict == "correct" else "", c.note, c.reviewer)
        for c in read_corrections(dataset)
    }
    assert said == {
        (t.get("verdict", "correct"), t.get("corrected", ""), t.get("note", ""),
         t.get("reviewer", "Ann"))
        for t in TYPED
    }  # fmt: skip
