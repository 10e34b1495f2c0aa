"""Where everything of a dataset lies on disk. One class, so that no path is spelled twice."""

from __future__ import annotations

from pathlib import Path

from ingest.conventions.errors import UserError


class Dataset:
    """The folder that ingest makes and the other packages add to; see docs/data-format.md."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    @classmethod
    def existing(cls, root: Path | str) -> Dataset:
        """The dataset at `root`, which must have been made by ingest before."""
        dataset = cls(root)
        if not dataset.keyframes.is_dir():
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
        """What became of a video; written last, so it is also the mark that the video is done."""
        return self.keyframes / f"{video_id}.json"

    def preview_jpg(self, video_id: str) -> Path:
        """A small frame of the source with the found canvas drawn on it, for the report."""
        return self.keyframes / f"{video_id}.preview.jpg"

    def frames_parquet(self, video_id: str) -> Path:
        """What became of every frame of a kept video that was looked at."""
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
        """Videos that were taken out for good: they are not ingested again."""
        return self.root / "purged.jsonl"

    @property
    def register_sqlite(self) -> Path:
        """What ingest remembers to be quick; it can be deleted at any time."""
        return self.root / "state" / "sources.sqlite"

    @property
    def report_html(self) -> Path:
        return self.root / "report.html"

    def config_yaml(self, stage: str) -> Path:
        """The resolved config of a stage: ingest, regions, instructions or shards."""
        return self.root / "config" / f"{stage}.yaml"

    def video_ids(self) -> list[str]:
        """Videos with keyframes, sorted: those whose tar and outcome both stand."""
        return sorted(
            path.stem
            for path in self.keyframes.glob("*.tar")
            if self.outcome_json(path.stem).is_file()
        )
