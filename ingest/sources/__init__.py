"""From what the user names to one local file or folder a source.

In: files, folders, globs, manifests, remote addresses. Out: one `SourceRow` a source, and a local
copy while it is worked on. Files: `source_row`, `stores` and `remote` (S3, Google Cloud Storage,
http), `copies`, `picture_times`, `manifest`, `discover`, `stamp` (has a source changed?).
"""
