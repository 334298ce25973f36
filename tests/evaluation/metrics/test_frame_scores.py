import numpy as np
import pytest

from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.metrics import frame_scores


def table(n, seed=0):
    rng = np.random.default_rng(seed)
    return frame_scores.from_columns(
        {
            "dataset": ["set"] * n,
            "split": ["test"] * n,
            "forgery": ["", 'a "quoted", forgery'] * (n // 2),
            "video": [f"clip, {i // 3}\nnew line" for i in range(n)],
            "identity": [f"Zoë {i}" for i in range(n)],
            "frame": range(n),
            "label": [0, 1] * (n // 2),
            "score": rng.random(n),
        }
    )


def batch_of(scores, valid, start=0):
    n = len(scores)
    return {
        "image": np.repeat(np.asarray(scores, np.uint8), 12).reshape(n, 2, 2, 3),
        "valid": np.asarray(valid, np.float32),
        "label": np.zeros(n, np.int32),
        "frame": np.arange(start, start + n),
        **{name: np.array(["x"] * n) for name in ("dataset", "split", "forgery", "video", "identity")},
    }


def test_padding_is_left_out_and_order_is_kept():
    def mean_brightness(images):
        return images.mean(axis=(1, 2, 3)) / 255

    batches = [batch_of([10, 20, 30], [1, 1, 1]), batch_of([40, 0, 0], [1, 0, 0], start=3)]
    scores = frame_scores.score_frames(mean_brightness, batches)
    assert scores.frame.tolist() == [0, 1, 2, 3]
    assert scores.score == pytest.approx(np.array([10, 20, 30, 40]) / 255)


def test_a_table_reads_back_to_the_same_bits(tmp_path):
    written = table(20)
    frame_scores.write_scores(tmp_path / "scores.csv", written)
    back = frame_scores.read_scores(tmp_path / "scores.csv")
    for name in frame_scores.COLUMNS:
        np.testing.assert_array_equal(getattr(back, name), getattr(written, name))
    assert [path.name for path in tmp_path.iterdir()] == ["scores.csv"]


def test_an_empty_table_reads_back_empty(tmp_path):
    frame_scores.write_scores(tmp_path / "scores.csv", frame_scores.concatenate([]))
    assert len(frame_scores.read_scores(tmp_path / "scores.csv")) == 0


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", ",".join(frame_scores.COLUMNS) + "\nset,test,,v,p,zero,0,0.5\n"])
def test_another_file_is_refused_in_one_line(tmp_path, text):
    (tmp_path / "scores.csv").write_text(text)
    with pytest.raises(RunError, match="expected a table of scores"):
        frame_scores.read_scores(tmp_path / "scores.csv")
    with pytest.raises(RunError, match="expected a table of scores"):
        frame_scores.read_scores(tmp_path / "absent.csv")


def test_rows_can_be_selected_and_joined():
    whole = table(10)
    joined = frame_scores.concatenate([whole[:4], whole[np.arange(10) >= 4]])
    np.testing.assert_array_equal(joined.score, whole.score)
    assert len(whole[[1, 3]]) == 2
