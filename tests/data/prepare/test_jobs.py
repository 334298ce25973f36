import os

import pytest

from dfdetect_jax.config import Crop
from dfdetect_jax.data import forge, records
from dfdetect_jax.data.prepare import jobs
from dfdetect_jax.data.prepare.preparation import prepare
from dfdetect_jax.data.prepare.request import Request
from dfdetect_jax.errors import RecordsError, SettingsError
from tests.data.photographs import face_picture, write_damaged_jpeg, write_image


@pytest.fixture
def photographs(tmp_path):
    for number in range(30):
        write_image(tmp_path / f"faces/p{number:02d}.png", face_picture(number))
    return tmp_path / "faces"


def request_for(root, **settings):
    return Request(dataset="forge", root=str(root), **settings)


def test_a_folder_of_photographs_is_one_job_each(photographs):
    plan = jobs.plan(request_for(photographs))
    assert plan.name == "forge_faces"
    assert sorted(job.name for job in plan.jobs) == [f"p{number:02d}.png" for number in range(30)]
    assert len({job.ident for job in plan.jobs}) == 30


def test_jobs_are_the_same_wherever_the_tree_lies(photographs):
    before = jobs.plan(request_for(photographs)).ident
    moved = photographs.parent / "elsewhere" / "faces"
    moved.parent.mkdir()
    os.rename(photographs, moved)
    assert jobs.plan(request_for(moved)).ident == before


def test_another_file_size_setting_or_seed_is_other_work(photographs):
    before = jobs.plan(request_for(photographs)).ident
    idents = {before, jobs.plan(request_for(photographs, seed=1)).ident}
    idents.add(jobs.plan(request_for(photographs, crop=Crop(size=64))).ident)
    with open(photographs / "p00.png", "ab") as file:
        file.write(b"\0")
    idents.add(jobs.plan(request_for(photographs)).ident)
    assert len(idents) == 4


def test_a_folder_without_photographs_can_not_be_forged(tmp_path):
    with pytest.raises(RecordsError, match="no photographs to forge"):
        jobs.plan(request_for(tmp_path))


def test_a_tree_of_one_class_is_refused_before_any_work_unless_it_is_meant(photographs, tmp_path):
    os.rename(photographs, tmp_path / "real")
    box = Crop(size=48, align="box", face_detector="haar")
    with pytest.raises(RecordsError, match="no fakes: training and most metrics need both; if one class is meant"):
        prepare("folder", tmp_path, tmp_path / "out", box)
    assert not (tmp_path / "out").exists()
    plan = jobs.plan(Request(dataset="folder", root=str(tmp_path), crop=box, allow_one_class=True))
    assert [finding.severity for finding in plan.findings if "no fakes" in finding.words] == ["note"]


@pytest.mark.parametrize("dataset", ["folder", "forge"])
def test_a_link_that_leads_nowhere_is_a_clip_that_fails_and_is_done_again_once_mended(photographs, tmp_path, dataset):
    root = tmp_path if dataset == "folder" else photographs
    (tmp_path / "real").mkdir()
    link = (tmp_path / "real" if dataset == "folder" else photographs) / "link.png"
    link.symlink_to(tmp_path / "gone.png")
    crop = Crop(size=48) if dataset == "forge" else Crop(size=48, align="box", face_detector="haar")
    request = Request(dataset=dataset, root=str(root), crop=crop)
    (job,) = [job for job in jobs.plan(request).jobs if "link" in job.name]
    examples, report = jobs.run_job(job, request)
    assert (examples, report.failed) == ([], True)
    assert "can't be opened (No such file or directory)" in report.words[0]
    write_image(tmp_path / "gone.png", face_picture())
    assert job.ident not in {job.ident for job in jobs.plan(request).jobs}


def test_a_damaged_photograph_counts_as_one_that_can_not_be_read(photographs):
    write_damaged_jpeg(photographs / "damaged.jpg", face_picture())
    request = request_for(photographs, crop=Crop(size=48))
    (job,) = [job for job in jobs.plan(request).jobs if job.name == "damaged.jpg"]
    _, report = jobs.run_job(job, request)
    assert report.failed
    assert "found damage inside the file" in report.words[0]


def test_a_photograph_whose_name_is_no_text_is_left_out_with_a_word(photographs):
    os.rename(photographs / "p00.png", os.fsencode(photographs) + b"/caf\xe9.png")
    plan = jobs.plan(request_for(photographs))
    assert len(plan.jobs) == 29
    assert [finding.words for finding in plan.findings] == [
        r"faces: left out, expected names in UTF-8, rename the files: caf\udce9.png (1)"
    ]


def test_forging_photographs_needs_landmarks(photographs):
    with pytest.raises(SettingsError, match="five landmarks"):
        jobs.plan(request_for(photographs, crop=Crop(align="box", face_detector="haar")))


@pytest.mark.slow
def test_photographs_are_forged_and_those_without_a_face_left_out(photographs, tmp_path):
    write_image(photographs / "p30.png", face_picture()[:60, :60])
    folder = prepare("forge", photographs, tmp_path / "out", Crop(size=48))
    manifest = records.read_manifest(folder)
    assert set(manifest.counts["train"]) == {"", *forge.forgeries_of("train")}
    assert set(manifest.counts["test"]) == {"", *forge.FORGERIES}
    reports = {report["clip"]: report for report in records.read_clips(folder)}
    assert (reports["p30.png"]["words"], reports["p30.png"]["failed"]) == (["no face found"], False)
    assert sum(report["got"] for report in reports.values()) == 60
