"""The paths of all files of a dataset, in one class."""

from __future__ import annotations

from pathlib import Path

from ingest.conventions.errors import UserError


class Dataset:
    """The folder that ingest makes and the other packages add to; see docs/data-format.md."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    @classmethod
    def existing(cls, root: Path | str) -> Dataset:
        """The dataset at `root`.

        Raises:
            UserError: ingest has made none there.
        """
        dataset = cls(root)
        if not dataset.keyframes.is_dir():
            if any(sign in str(root) for sign in "{*?"):
                raise UserError(
                    f"{root} is a pattern, expected the folder of one dataset: give the folder "
                    "that holds keyframes/ and shards/"
                )
            raise UserError(
                f"{root} is no dataset (it has no keyframes folder): make one with "
                f"`python -m ingest VIDEOS -o {root}`"
            )
        return dataset

    @property
    def videos_parquet(self) -> Path:
        return self.root / "videos.parquet"

    @property
    def keyframes(self) -> Path:
        return self.root / "keyframes"

    def keyframes_tar(self, video_id: str) -> Path:
        return self.keyframes / f"{video_id}.tar"

    def outcome_json(self, video_id: str) -> Path:
        """The outcome of a video; written last: a video with this file is done."""
        return self.keyframes / f"{video_id}.json"

    def preview_jpg(self, video_id: str) -> Path:
        """A small frame of the source with the detected canvas drawn on it, for the report."""
        return self.keyframes / f"{video_id}.preview.jpg"

    def frames_parquet(self, video_id: str) -> Path:
        """The outcome of every sampled frame of a kept video."""
        return self.keyframes / f"{video_id}.frames.parquet"

    @property
    def regions(self) -> Path:
        return self.root / "labels" / "regions"

    def regions_tar(self, video_id: str) -> Path:
        return self.regions / f"{video_id}.tar"

    @property
    def instructions(self) -> Path:
        """Folder of one JSON-lines file a video: the cache behind `instructions_parquet`."""
        return self.root / "labels" / "instructions"

    def instructions_jsonl(self, video_id: str) -> Path:
        return self.instructions / f"{video_id}.jsonl"

    @property
    def instructions_parquet(self) -> Path:
        return self.root / "labels" / "instructions.parquet"

    @property
    def corrections_csv(self) -> Path:
        return self.root / "review" / "corrections.csv"

    def human_masks(self, video_id: str) -> Path:
        """Folder of the masks that people painted for a video, named by their hash."""
        return self.root / "review" / "masks" / video_id

    def human_mask_png(self, video_id: str, mask_sha256: str) -> Path:
        return self.human_masks(video_id) / f"{mask_sha256}.png"

    @property
    def shards(self) -> Path:
        return self.root / "shards"

    @property
    def index_json(self) -> Path:
        return self.shards / "index.json"

    @property
    def purged_jsonl(self) -> Path:
        """Videos that were purged: they are not ingested again."""
        return self.root / "purged.jsonl"

    @property
    def register_sqlite(self) -> Path:
        """Cache of ingest about its sources; it can be deleted at any time."""
        return self.root / "state" / "sources.sqlite"

    @property
    def report_html(self) -> Path:
        return self.root / "report.html"

    def config_yaml(self, stage: str) -> Path:
        """The resolved config of a stage: ingest, regions, instructions or shards."""
        return self.root / "config" / f"{stage}.yaml"

    def video_ids(self) -> list[str]:
        """Sorted ids of all videos with keyframes: those whose tar and outcome both exist."""
        return sorted(
            path.stem
            for path in self.keyframes.glob("*.tar")
            if self.outcome_json(path.stem).is_file()
        )
