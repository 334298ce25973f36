import pytest

from dfdetect_jax.data.catalog import celeba
from dfdetect_jax.data.example import Label
from dfdetect_jax.errors import RecordsError
from tests.data import sample_trees
from tests.data.finding_lines import lines


@pytest.fixture
def tree(tmp_path):
    sample_trees.celeba(tmp_path)
    return tmp_path


def clips_of(tree):
    return {clip.video: clip for clip in celeba.find_clips(tree).clips}


def test_splits_and_people_are_those_of_celebas_lists(tree):
    clips = clips_of(tree)
    first, last = clips["img_align_celeba/000001"], clips["img_align_celeba/000040"]
    assert (first.label, first.split, first.identity) == (Label.REAL, "train", "id100")
    assert (last.label, last.split, last.identity) == (Label.REAL, "test", "id119")
    assert clips["img_align_celeba/000025"].split == "val"


def test_a_forgery_goes_with_the_photograph_of_its_stem(tree):
    clips = clips_of(tree)
    fake = clips["stargan/000001"]
    assert (fake.label, fake.forgery, fake.split, fake.identity) == (Label.FAKE, "stargan", "train", "id100")
    assert (fake.source, fake.mask_path) == ("img_align_celeba/000001", None)
    assert fake.source_path == str(tree / "Img/img_align_celeba/000001.jpg")
    assert clips["glow/000011"].mask_path == str(tree / "masks/glow/000011.png")


def test_without_the_list_of_people_each_photograph_is_one_which_is_a_warning(tree):
    (tree / "Anno/identity_CelebA.txt").unlink()
    listing = celeba.find_clips(tree)
    assert {clip.identity for clip in listing.clips if clip.video == "stargan/000001"} == {"000001"}
    expected = "warning: Anno/identity_CelebA.txt: absent, so each photograph counts as its own person"
    assert expected in lines(listing.findings)


def test_folders_and_table_in_their_other_form_are_read_alike(tree):
    before = {video: clip.split for video, clip in clips_of(tree).items()}
    (tree / "img_align_celeba").mkdir()
    (tree / "Img/img_align_celeba").rename(tree / "img_align_celeba/img_align_celeba")
    lines = (tree / "Eval/list_eval_partition.txt").read_text().replace(" ", ",")
    (tree / "Eval/list_eval_partition.txt").unlink()
    (tree / "list_eval_partition.csv").write_text("image_id,partition\n" + lines)
    assert {video: clip.split for video, clip in clips_of(tree).items()} == before


def test_photographs_outside_the_list_and_forgeries_without_source_are_reported(tree):
    (tree / "Img/img_align_celeba/000002.jpg").unlink()
    sample_trees.put(tree, "Img/img_align_celeba/me.jpg", "stargan/me.jpg", "glow/more/1.png")
    findings = lines(celeba.find_clips(tree).findings)
    assert "warning: img_align_celeba: left out, not in the partition: me (1)" in findings
    assert "warning: stargan: left out, named as no photograph of the partition: me.jpg (1)" in findings
    assert "note: stargan: made from a photograph that is not on disk: 000002.jpg (1)" in findings
    assert "note: glow: left out, folders that are not part of this data set: more (1)" in findings


@pytest.mark.parametrize("line", ["000001.jpg 3", "000001.jpg", "image_id partition", "000001.jpg train"])
def test_a_damaged_partition_is_named(tree, line):
    (tree / "Eval/list_eval_partition.txt").write_text(f"{line}\n")
    with pytest.raises(RecordsError, match=r'list_eval_partition\.txt: expected lines like "000001\.jpg 0", found'):
        celeba.find_clips(tree)


def test_a_missing_partition_is_named_with_its_origin(tree):
    (tree / "Eval/list_eval_partition.txt").unlink()
    with pytest.raises(RecordsError, match=r"no Eval/list_eval_partition\.txt; it comes with CelebA"):
        celeba.find_clips(tree)
