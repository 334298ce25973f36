"""A Slurm cluster of one node, this machine: Slurm's own daemons and commands, set up in a folder and ended with it.

The node claims four processors and two GPUs, whose device files are others that exist everywhere: Slurm hands them out,
and nothing opens them. No control groups and no systemd are needed, so it also runs in a container.
"""

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scancel", "scontrol", "squeue", "sinfo")
LOW, HIGH = "low", "high"
"""Partitions: a job of the second preempts those of the first, which get GRACE seconds to save, then wait."""
GRACE = 90

_CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
# A job that was requeued waits as long as its credential lasts.
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=bf_interval=5,sched_interval=5
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
GresTypes=gpu
NodeName=localhost NodeHostname={host} NodeAddr=127.0.0.1 CPUs=4 Gres=gpu:2
PartitionName={low} Nodes=localhost Default=YES PriorityTier=1 GraceTime={grace}
PartitionName={high} Nodes=localhost PriorityTier=2
"""


class Cluster(NamedTuple):
    """A running cluster.

    Attributes:
        folder: of its configuration, state and logs.
        environment: in which Slurm's commands, and jobs, find it.
    """

    folder: Path
    environment: dict[str, str]

    def run(self, *words: object) -> str:
        """What a command prints; an error of it is raised with what it said."""
        done = subprocess.run([str(w) for w in words], capture_output=True, text=True, env=self.environment, timeout=60)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout.strip()

    def submit(self, *words: object) -> int:
        """`sbatch`; returns the job's number."""
        return int(self.run("sbatch", "--parsable", *words))

    def jobs(self) -> str:
        """The state, restarts and exit status of each job and array task, a line each, for people and tests."""
        lines = self.run("scontrol", "--oneliner", "show", "job").splitlines()
        fields = [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines]
        names = ("JobId", "ArrayTaskId", "JobState", "Restarts", "ExitCode")
        return "\n".join(" ".join(f"{name}={each[name]}" for name in names if name in each) for each in fields)

    def state(self, job: int) -> str:
        """Such as RUNNING; of an array, of its tasks, different ones joined by a comma."""
        lines = self.run("scontrol", "--oneliner", "show", "job", job).splitlines()
        return ",".join(sorted({line.partition("JobState=")[2].split()[0] for line in lines}))

    def restarts(self, job: int) -> int:
        """How often a job was requeued."""
        return int(self.run("scontrol", "show", "job", job).partition("Restarts=")[2].split()[0])

    def wait_until(self, holds: Callable[[], object], seconds: float, log: Path | None = None) -> None:
        """Waits; in the end shows the jobs, and what one of them wrote."""
        deadline = time.monotonic() + seconds
        while not holds():
            wrote = log.read_text()[-4000:] if log and log.exists() else ""
            assert time.monotonic() < deadline, f"after {seconds} s:\n{self.jobs()}\n{wrote}"
            time.sleep(0.2)


def missing_programs() -> list[str]:
    """Those of Slurm and MUNGE that are not installed."""
    return [name for name in PROGRAMS if not _program(name)]


@contextmanager
def started(folder: Path) -> Iterator[Cluster]:
    """A cluster with its state in `folder`, which exists; its jobs and daemons are ended with the block."""
    for name in ("state", "spool"):
        (folder / name).mkdir()
    _write_configuration(folder)
    cluster = Cluster(folder, {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")})
    with ExitStack() as stack:
        stack.enter_context(_daemon(cluster, "munged", *_munge(folder)))
        stack.enter_context(_daemon(cluster, "slurmctld", "-D", "-c"))
        stack.enter_context(_daemon(cluster, "slurmd", "-D", "-N", "localhost"))
        cluster.wait_until(lambda: _is_idle(cluster), 30)
        stack.callback(_cancel_all, cluster)
        yield cluster


def _write_configuration(folder: Path) -> None:
    host = socket.gethostname().partition(".")[0]
    values = {"host": host, "user": getpass.getuser(), "ports": _free_ports(2), "grace": GRACE}
    (folder / "slurm.conf").write_text(_CONFIGURATION.format(folder=folder, low=LOW, high=HIGH, **values).lstrip())
    (folder / "gres.conf").write_text("Name=gpu File=/dev/null\nName=gpu File=/dev/zero\n")


def _munge(folder: Path) -> Sequence[str]:
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    files = {"key-file": key, "socket": folder / "munge.socket", "pid-file": folder / "munge.pid"}
    files |= {"log-file": folder / "munge.log", "seed-file": folder / "munge.seed"}
    # By force, since a folder that only this user may enter is not where others would look for the socket.
    return ["--foreground", "--force", *(f"--{name}={path}" for name, path in files.items())]


@contextmanager
def _daemon(cluster: Cluster, name: str, *words: str) -> Iterator[None]:
    with open(cluster.folder / f"{name}.out", "w") as output:
        process = subprocess.Popen([_program(name), *words], env=cluster.environment, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def _is_idle(cluster: Cluster) -> bool:
    words = ["sinfo", "--noheader", "--format=%T"]
    done = subprocess.run(words, capture_output=True, text=True, env=cluster.environment, timeout=60)
    return set(done.stdout.split()) == {"idle"}


def _cancel_all(cluster: Cluster) -> None:
    subprocess.run(["scancel", "--full", f"--user={getpass.getuser()}"], env=cluster.environment, timeout=60)
    subprocess.run(["scancel", "--signal=KILL", f"--user={getpass.getuser()}"], env=cluster.environment, timeout=60)
    cluster.wait_until(lambda: _is_idle(cluster), 60)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
