"""Scores made by hand."""

from dfdetect_jax.evaluation.metrics import frame_scores


def rows(*entries, dataset="set", split="test"):
    """FrameScores from (video, forgery, score) triples; forgery "" is real."""
    videos, forgeries, scores = zip(*entries, strict=True)
    return frame_scores.from_columns(
        {
            "dataset": [dataset] * len(entries),
            "split": [split] * len(entries),
            "forgery": forgeries,
            "video": videos,
            "identity": ["p"] * len(entries),
            "frame": range(len(entries)),
            "label": [int(forgery != "") for forgery in forgeries],
            "score": scores,
        }
    )
