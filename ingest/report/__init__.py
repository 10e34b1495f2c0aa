"""`report.html`: one page on what ingest did, that opens offline and stays under 20 MB."""

from ingest.report.page import write_report

__all__ = ["write_report"]
