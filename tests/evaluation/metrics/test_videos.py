import numpy as np
import pytest

from dfdetect_jax.errors import RecordsError
from dfdetect_jax.evaluation.metrics import frame_scores, videos
from tests.evaluation.scored import rows


def test_a_video_scores_the_mean_of_its_frames():
    clips = videos.video_scores(rows(("b", "", 0.2), ("a", "swap", 1.0), ("b", "", 0.4), ("a", "swap", 0.5)))
    assert clips.video.tolist() == ["b", "a"]
    assert clips.score == pytest.approx([0.3, 0.75])
    assert clips.frame.tolist() == [2, 2]
    assert clips.label.tolist() == [0, 1]


def test_clips_with_one_stem_of_two_forgeries_or_two_data_sets_stay_apart():
    one = rows(("Deepfakes/000_003", "Deepfakes", 0.9), ("FaceSwap/000_003", "FaceSwap", 0.1))
    assert len(videos.video_scores(one)) == 2
    both = frame_scores.concatenate([rows(("000", "", 0.9), dataset="x"), rows(("000", "", 0.1), dataset="y")])
    assert videos.video_scores(both).score.tolist() == [0.9, 0.1]


def test_a_video_with_two_labels_is_refused():
    with pytest.raises(RecordsError, match="video a"):
        videos.video_scores(rows(("a", "", 0.2), ("a", "swap", 0.3)))


def test_folders_of_one_name_are_one_video_and_fake_only_if_all_of_it_is():
    frames = rows(("x/7", "x", 0.9), ("y/7", "y", 0.1), ("real/8", "", 0.6), ("x/8", "x", 1.0), ("7/c", "x", 0.2))
    folders = videos.folder_scores(frames)
    assert folders.score == pytest.approx([0.5, 0.8, 0.2])
    assert folders.label.tolist() == [1, 0, 1]
    assert folders.frame.tolist() == [2, 2, 1]


def test_folders_are_grouped_as_deepfakebench_does_it():
    rng = np.random.default_rng(0)
    for _ in range(200):
        n = int(rng.integers(1, 40))
        kinds, clips = rng.choice(["", "x", "y"], n), rng.integers(0, 9, n)
        entries = zip(kinds, clips, rng.random(n), strict=True)
        frames = rows(*((f"{kind}/{clip}", kind, score) for kind, clip, score in entries))
        by_folder = {}
        for name, score, label in zip(frames.video, frames.score, frames.label, strict=True):
            by_folder.setdefault(name.split("/")[-1], []).append((score, label))
        folders = videos.folder_scores(frames)
        assert folders.score == pytest.approx([np.mean([s for s, _ in group]) for group in by_folder.values()])
        assert folders.label.tolist() == [int(np.mean([y for _, y in group])) for group in by_folder.values()]


def test_groups_are_numbered_as_they_appear():
    first, group = videos.groups_of(np.array(["b", "a", "b", "b"]), np.array([1, 1, 2, 1]))
    assert (first.tolist(), group.tolist()) == ([0, 1, 2], [0, 1, 2, 0])
    first, group = videos.groups_of(np.array([], str))
    assert (first.tolist(), group.tolist()) == ([], [])
