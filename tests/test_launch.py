"""The launchers: the command that they run, its arguments unchanged, and what happens when processes end."""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from math import prod
from pathlib import Path

import pytest
import yaml

LAUNCH = Path(__file__).parents[1] / "launch"
SCRIPTS = ("local.sh", "slurm.sbatch", "slurm_array.sbatch", "tpu_pod.sh")
SLICE = ["--name", "pod", "--zone", "z"]
TRAIN = ["python", "-m", "dfdetect_jax.train"]
ARGUMENTS = ["--config", "configs/cae.py:celebdf", "--workdir", "my runs/it's", '--config.data.name="$HOME"; ls *', ""]

# Stands for `python -m dfdetect_jax.train`: logs its start and its TERM, and ends as MOOD specifies.
TRAINER = """#!/usr/bin/env bash
trap 'echo saved >>"$LOG"; exit 0' TERM
case "$MOOD $*" in *deaf*id=0) trap '' TERM ;; esac
echo "begun $*" >>"$LOG"
case "$MOOD $*" in
  *once*) [[ $(grep -c begun "$LOG") -gt 1 ]] || exit 7 ;;
  *id=0 | *endless*) for _ in {1..2000}; do sleep 0.1; done ;;
  [0-9]*id=1) until grep -q id=0 "$LOG"; do sleep 0.1; done; exit "${MOOD%% *}" ;;
  [0-9]*) exit "${MOOD%% *}" ;;
esac
"""


@pytest.fixture
def log(tmp_path, monkeypatch):
    """The file to which the programs below log; PATH begins with their folder. Their `sleep` takes 10 ms."""
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("PYTHON", raising=False)
    program(tmp_path / "python", TRAINER)
    program(tmp_path / "sleep", f"#!/usr/bin/env bash\nexec {shutil.which('sleep')} 0.01\n")
    return tmp_path / "log"


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def run(script: str, *words: str, mood: str = "0") -> subprocess.CompletedProcess:
    command = ["bash", LAUNCH / script, *words]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "MOOD": mood}, timeout=60)


def lines(log: Path, start: str) -> list[str]:
    return [line for line in log.read_text().splitlines() if line.startswith(start)] if log.exists() else []


def wait_for(log: Path, start: str, count: int) -> None:
    deadline = time.monotonic() + 20
    while len(lines(log, start)) < count:
        assert time.monotonic() < deadline, f"no {count} lines of {start}"
        time.sleep(0.05)


def container(text: str) -> dict:
    job = yaml.safe_load(text)["spec"]["replicatedJobs"][0]["template"]["spec"]
    return job["template"]["spec"]["containers"][0]


@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_finds_nothing(script):
    shellcheck = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    done = subprocess.run([shellcheck, "--shell=bash", LAUNCH / script], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("script", [script for script in SCRIPTS if script != "slurm_array.sbatch"])
def test_dry_run_prints_the_command_with_its_arguments_unchanged(script):
    done = run(script, *(SLICE if script == "tpu_pod.sh" else []), "--dry-run", "--", *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    words = shlex.split(done.stdout)
    if script == "tpu_pod.sh":  # the command for the hosts' shell is one quoted word
        words = shlex.split(words[-1].removeprefix("--command="))
    assert words[words.index("python") :][: len(TRAIN + ARGUMENTS)] == TRAIN + ARGUMENTS
    assert words[len(words) - (script != "local.sh") :] == ["--distributed"] * (script != "local.sh")


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("words", [["--nodes", "4"], ["--dry-run"], ["--dry-run", "--"]])
def test_a_wrong_command_line_is_one_line_and_status_2(script, words):
    done = run(script, *words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith("error: expected")


def test_local_processes_get_their_indices_and_one_coordinator():
    done = run("local.sh", "--dry-run", "--processes", "3", "--devices", "2", "--", "a")
    commands = [shlex.split(line) for line in done.stdout.splitlines()]
    assert [words[-1] for words in commands] == [f"--process_id={i}" for i in range(3)]
    assert len({words[-3] for words in commands}) == 1
    for words in commands:
        assert words[:3] == ["env", "JAX_PLATFORMS=cpu", "JAX_NUM_CPU_DEVICES=2"]
        assert words[-2] == "--process_count=3"


def test_local_one_process_per_gpu_sees_only_its_own():
    done = run("local.sh", "--dry-run", "--processes", "2", "--", "a")
    assert [line.split()[1] for line in done.stdout.splitlines()] == [f"JAX_LOCAL_DEVICE_IDS={i}" for i in range(2)]


def test_local_restarts_after_a_failure_with_the_same_command(log):
    done = run("local.sh", "--", *ARGUMENTS, mood="once")
    assert done.returncode == 0
    assert "exit status 7; restart 1 of 3 resumes" in done.stderr
    assert len(lines(log, "begun")) == 2
    assert len(set(lines(log, "begun"))) == 1


@pytest.mark.parametrize(("status", "starts"), [(0, 1), (2, 1), (5, 3)])
def test_local_returns_the_status_and_does_not_restart_after_an_error_in_the_settings(log, status, starts):
    assert run("local.sh", "--restarts", "2", "--", "a", mood=str(status)).returncode == status
    assert len(lines(log, "begun")) == starts


def test_local_ends_the_others_when_one_fails(log):
    done = run("local.sh", "--processes", "2", "--restarts", "0", "--", "a", mood="5")
    assert done.returncode == 5
    assert len(lines(log, "saved")) == 1


def test_local_kills_a_process_that_ignores_term_after_another_failed(log):
    done = run("local.sh", "--processes", "2", "--restarts", "0", "--", "a", mood="5 deaf")
    assert done.returncode == 5
    assert not lines(log, "saved")


@contextlib.contextmanager
def listening(command, mood):
    """A launcher that receives SIGINT, which background programs of a shell ignore; killed at the end."""

    reset = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
    words = [sys.executable, "-c", reset, *map(str, command)]
    with subprocess.Popen(words, env={**os.environ, "MOOD": mood}) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_local_forwards_the_signal_and_does_not_restart(log, end):
    command = [LAUNCH / "local.sh", "--processes", "2", "--", "a"]
    with listening(command, "endless") as process:
        wait_for(log, "begun", 2)
        process.send_signal(end)
        assert process.wait(timeout=20) == 0
    assert (len(lines(log, "saved")), len(lines(log, "begun"))) == (2, 2)


@pytest.fixture
def slurm(log, tmp_path, monkeypatch):
    """Slurm's commands for a running job: `srun` runs the command, `scancel` signals it, `scontrol` logs its words."""
    program(tmp_path / "srun", '#!/usr/bin/env bash\necho $$ >"$LOG.pid"\nexec "${@:3}"\n')
    program(tmp_path / "scancel", '#!/usr/bin/env bash\nkill -TERM "$(cat "$LOG.pid")"\n')
    program(tmp_path / "squeue", "#!/usr/bin/env bash\necho RUNNING\n")
    program(tmp_path / "scontrol", '#!/usr/bin/env bash\necho "scontrol $*" >>"$LOG"\n')
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    return log


@pytest.mark.parametrize(("status", "again"), [("0", 0), ("2", 0), ("7", 1)])
def test_slurm_requeues_a_failed_job(slurm, status, again):
    done = run("slurm.sbatch", "--", *ARGUMENTS, mood=status)
    assert lines(slurm, "scontrol") == ["scontrol requeue 42"] * again
    assert done.returncode == (0 if again else int(status))


def test_slurm_does_not_requeue_beyond_the_limit(slurm, monkeypatch):
    monkeypatch.setenv("SLURM_RESTART_COUNT", "10")
    assert run("slurm.sbatch", "--", "a", mood="7").returncode == 7
    assert not lines(slurm, "scontrol")


def test_slurm_saves_before_the_time_limit_and_requeues(slurm):
    command = ["bash", LAUNCH / "slurm.sbatch", "--", "a"]
    process = subprocess.Popen(command, env={**os.environ, "MOOD": "endless"})
    wait_for(slurm, "begun", 1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    assert [line.split()[0] for line in slurm.read_text().splitlines()] == ["begun", "saved", "scontrol"]


def test_slurm_does_not_requeue_what_its_user_cancelled(slurm, tmp_path):
    program(tmp_path / "squeue", "#!/usr/bin/env bash\necho COMPLETING\n")
    assert run("slurm.sbatch", "--", "a", mood="7").returncode == 7
    assert not lines(slurm, "scontrol")


def task_of_array(monkeypatch, index, **others):
    values = {"ID": index, "MIN": 2, "MAX": 8, "STEP": 2, "COUNT": 4} | others
    for name, value in values.items():
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", str(value))
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "42")


def test_a_job_of_an_array_does_its_share(slurm, monkeypatch):
    task_of_array(monkeypatch, 6)
    done = run("slurm_array.sbatch", "--dry-run", "--", "predict", "--scores", "out-%a.jsonl", *ARGUMENTS)
    words = ["python", "-m", "dfdetect_jax", "predict", "--scores", "out-2.jsonl", *ARGUMENTS, "--shard", "2/4"]
    assert shlex.split(done.stdout) == words


def test_an_array_with_gaps_is_refused_since_shares_would_be_left_out(slurm, monkeypatch):
    task_of_array(monkeypatch, 2, STEP=1, COUNT=2)
    done = run("slurm_array.sbatch", "--", "prepare")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "expected an array without gaps, such as --array=0-7, found 2 tasks from 2 to 8" in done.stderr


@pytest.mark.parametrize(("status", "again"), [("0", 0), ("1", 0), ("2", 0), ("7", 1)])
def test_a_job_of_an_array_that_failed_is_requeued_alone(slurm, monkeypatch, status, again):
    task_of_array(monkeypatch, 2)
    done = run("slurm_array.sbatch", "--", "prepare", mood=status)
    assert lines(slurm, "scontrol") == ["scontrol requeue 42_2"] * again
    assert done.returncode == (0 if again else int(status))


@pytest.fixture
def cloud(log, tmp_path):
    """A `gcloud` that logs its calls, keeps the state of one slice in a file, and trains as MOOD specifies."""
    gcloud = """#!/usr/bin/env bash
    echo "gcloud $3 $4 $5" >>"$LOG"
    case "$*" in
      *describe*) cat "$LOG.state" ;;
      *create*) echo ACTIVE >"$LOG.state" ;;
      *delete*) rm "$LOG.state" ;;
      *dfdetect_jax.train*) python train || { status=$? && echo SUSPENDED >"$LOG.state" && exit "$status"; } ;;
    esac
    """
    program(tmp_path / "gcloud", gcloud)
    program(tmp_path / "sleep", "#!/usr/bin/env bash\n")
    return log


def test_tpu_creates_a_slice_and_another_after_a_preemption(cloud):
    options = [*SLICE, "--type", "v6e-16", "--runtime", "r", "--setup", "true", "--install", "x.whl"]
    assert run("tpu_pod.sh", *options, "--", "a", mood="once").returncode == 0
    calls = [line.split()[2] for line in lines(cloud, "gcloud") if "describe" not in line]
    prepared_and_trained = ["create", "ssh", "scp", "ssh", "ssh"]
    assert calls == [*prepared_and_trained, "delete", *prepared_and_trained]


def test_tpu_does_not_restart_after_an_error_in_the_settings(cloud):
    assert run("tpu_pod.sh", *SLICE, "--", "a", mood="2").returncode == 2
    assert len(lines(cloud, "begun")) == 1


def test_tpu_stops_if_a_host_cannot_be_prepared(cloud, tmp_path):
    program(tmp_path / "gcloud", '#!/usr/bin/env bash\necho "gcloud $*" >>"$LOG"; exit 9\n')
    assert run("tpu_pod.sh", *SLICE, "--restarts", "0", "--setup", "mount", "--", "a").returncode == 9
    assert len(lines(cloud, "gcloud")) == 1


def test_gke_runs_the_command_on_every_host_of_the_topology():
    jobset = yaml.safe_load((LAUNCH / "gke.yaml").read_text())
    assert (jobset["apiVersion"], jobset["kind"]) == ("jobset.x-k8s.io/v1alpha2", "JobSet")
    job = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]
    pod = job["template"]["spec"]
    chips = prod(int(side) for side in pod["nodeSelector"]["cloud.google.com/gke-tpu-topology"].split("x"))
    hosts, args = job["parallelism"], pod["containers"][0]["args"]
    assert hosts * pod["containers"][0]["resources"]["limits"]["google.com/tpu"] == chips
    assert (job["completions"], job["backoffLimit"], pod["restartPolicy"]) == (hosts, 0, "Never")
    assert (args[:3], args[-1]) == (TRAIN, "--distributed")
    mounts = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    assert mounts == {volume["name"] for volume in pod["volumes"]}


def test_gke_for_gpus_is_what_its_comment_prints():
    sed = next(line for line in (LAUNCH / "gke.yaml").read_text().splitlines() if line.startswith("#   sed "))
    command = ["bash", "-c", sed.lstrip("# ").partition("   ")[0]]
    done = subprocess.run(command, cwd=LAUNCH.parent, capture_output=True, text=True, check=True)
    jobset = yaml.safe_load(done.stdout)
    job = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]
    args, name = container(done.stdout)["args"], jobset["metadata"]["name"]
    assert "tpu" not in done.stdout.partition("apiVersion")[2].lower()
    assert args[:3] == TRAIN
    assert args[-3].startswith(f"--coordinator={name}-{jobset['spec']['replicatedJobs'][0]['name']}-0-0.{name}:")
    assert args[-2:] == [f"--process_count={job['parallelism']}", "--process_id=$(JOB_COMPLETION_INDEX)"]


@pytest.mark.parametrize("status", [0, 2, 7])
def test_gke_returns_the_status(log, status):
    command = [*container((LAUNCH / "gke.yaml").read_text())["command"], "python", *ARGUMENTS]
    assert subprocess.run(command, env={**os.environ, "MOOD": str(status)}).returncode == status


def test_gke_fails_a_terminated_pod_after_it_saved(log):
    command = [*container((LAUNCH / "gke.yaml").read_text())["command"], "python", "a"]
    process = subprocess.Popen(command, env={**os.environ, "MOOD": "endless"})
    wait_for(log, "begun", 1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 128 + signal.SIGTERM
    assert len(lines(log, "saved")) == 1
