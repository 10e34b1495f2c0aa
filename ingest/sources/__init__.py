"""Turns the inputs that the user names into sources with local files.

In: files, folders, globs, manifests, remote addresses. Out: one `SourceRow` a source, and a local
copy while it is processed. Files: `source_row`, `file_systems` and `remote` (S3, Google Cloud
Storage, http), `copies`, `picture_times`, `manifest`, `discover`, `change_tag` (detects that a
source has changed).
"""
