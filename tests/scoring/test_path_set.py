from dfdetect_jax.scoring.path_set import PathSet


def test_a_set_of_paths_stays_right_beyond_its_first_block():
    paths = PathSet(block=4)
    assert all(paths.add(f"{i}.jpg") for i in range(11))
    assert len(paths) == 11
    assert not any(paths.add(f"{i}.jpg") for i in range(11))
    assert "11.jpg" not in paths


def test_a_file_is_known_however_its_path_is_written(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    paths = PathSet()
    paths.add(str(tmp_path / "folder" / "a.jpg"))
    monkeypatch.chdir(tmp_path)
    assert all(path in paths for path in ("folder/a.jpg", "link/a.jpg", "link/../link/a.jpg", "./folder//a.jpg"))
    assert "a.jpg" not in paths


def test_what_can_be_no_path_is_in_the_set_all_the_same():
    paths = PathSet()
    assert paths.add("fol\0der/a.jpg")
    assert "fol\0der/a.jpg" in paths
