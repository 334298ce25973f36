"""Scores made by hand."""

import numpy as np

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


def scores_of(*pairs):
    """FrameScores from (forgery, score) pairs, a video each."""
    return rows(*((str(i), forgery, score) for i, (forgery, score) in enumerate(pairs)))


def by_person(scores, labels, people, videos=None, dataset="set"):
    """FrameScores; a video per person and label unless named."""
    forgeries = ["swap" if label else "" for label in labels]
    names = [f"{person}/{label}" for person, label in zip(people, labels, strict=True)] if videos is None else videos
    table = rows(*zip(names, forgeries, scores, strict=True), dataset=dataset)
    return table.replace(identity=np.array([str(person) for person in people]))


def correlated_scores(people, frames, shift, rng, separation=1.0):
    """Scores, labels and people: a real and a fake clip of each person, all moved by the person's own normal shift."""
    person, label, _ = (place.ravel() for place in np.indices((people, 2, frames)))
    logits = separation * label + shift * rng.normal(size=people)[person] + rng.normal(size=person.size)
    return 1 / (1 + np.exp(-logits)), label, person


def clips(forgeries=("", "a", "b"), people=8, seed=0, dataset="set"):
    """FrameScores of two frames of a clip per person and forgery; scores lean towards the label."""
    rng = np.random.default_rng(seed)
    entries = [(forgery, person, frame) for forgery in forgeries for person in range(people) for frame in range(2)]
    fake = np.array([int(forgery != "") for forgery, *_ in entries])
    scores = rng.beta(2 + fake, 3 - fake)
    names = [f"{forgery or 'real'}/{forgery}{person}" for forgery, person, _ in entries]
    table = rows(*zip(names, [forgery for forgery, *_ in entries], scores, strict=True), dataset=dataset)
    return table.replace(identity=np.array([f"p{person}" for _, person, _ in entries]))
