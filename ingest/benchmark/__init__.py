"""How good and how fast ingest is, measured against films whose truth is known."""
