"""Scores made by hand."""

from dfdetect_jax.evaluation.metrics import frame_scores


def rows(*entries, dataset="set", split="test"):
    """FrameScores from (video, method, score) triples; method "" is real."""
    videos, methods, scores = zip(*entries, strict=True)
    return frame_scores.from_columns(
        {
            "dataset": [dataset] * len(entries),
            "split": [split] * len(entries),
            "method": methods,
            "video": videos,
            "identity": ["p"] * len(entries),
            "frame": range(len(entries)),
            "label": [int(method != "") for method in methods],
            "score": scores,
        }
    )
