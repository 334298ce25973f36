import shutil

from dfdetect_jax.data.audit.duplicates import across_splits, copy_findings, find_copies
from tests.data.finding_lines import lines
from tests.data.scenes import clip_of, save, scene


def copied(path, name):
    path.with_name(name).parent.mkdir(exist_ok=True)
    return shutil.copy(path, path.with_name(name))


def copy_lines(clips):
    return lines(copy_findings(clips, find_copies(clips)))


def test_files_that_differ_are_no_copies_whatever_their_sizes(tmp_path):
    for number in range(6):
        save(tmp_path / f"{number}.bmp", scene(number))  # all of one size
    clips = [clip_of(path) for path in tmp_path.iterdir()]
    assert find_copies(clips) == ([], 6)
    assert copy_lines(clips) == []


def test_only_files_of_one_size_are_hashed(tmp_path):
    for number in range(5):
        save(tmp_path / f"{number}.bmp", scene(number, width=16 * (number + 2)))
    assert find_copies([clip_of(path) for path in tmp_path.iterdir()]).hashed == 0


def test_copies_across_splits_under_both_labels_and_within_one_are_separate_findings(tmp_path):
    a, b, c = (save(tmp_path / f"{name}.png", scene(i)) for i, name in enumerate("abc"))
    clips = [
        clip_of(a, split="train"),
        clip_of(copied(a, "a2.png"), split="test"),
        clip_of(b, split="val"),
        clip_of(copied(b, "b2.png"), "swap", split="val"),
        clip_of(c, "swap"),
        clip_of(copied(c, "c2.png"), "swap"),
        clip_of(copied(c, "c3.png"), "swap"),
    ]
    across, labels, within = copy_lines(clips)
    assert across.startswith("error: 2 clips are in several splits, byte for byte")
    assert ", real/a (train) and real/a2 (test): " in across
    assert labels.startswith("error: 2 clips are labelled real and fake alike")
    assert ", real/b (val) and swap/b2 (val): " in labels
    assert within.startswith("warning: 3 clips are the same bytes under several names")
    assert across_splits(clips, find_copies(clips)) == {0, 1}


def test_a_folder_is_a_copy_only_as_a_whole(tmp_path):
    def folder(name, numbers):
        frames = tuple(str(save(tmp_path / name / f"{i}.png", scene(k))) for i, k in enumerate(numbers))
        return clip_of(tmp_path / name, "swap", frames=frames)

    clips = [folder("one", (1, 2, 3)), folder("same", (1, 2, 3)), folder("turned", (3, 2, 1)), folder("part", (1, 2))]
    assert find_copies(clips).groups == [[0, 1]]


def test_missing_and_empty_files_are_no_copies(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).touch()
    clips = [clip_of(tmp_path / name) for name in ("a.png", "b.png", "gone.png", "lost.png")]
    assert find_copies(clips) == ([], 0)
