"""A Slurm of one node on this machine, for as long as a test takes: Debian's packages unpacked into a folder, nothing installed, no service.

Neither munge nor systemd is needed: both daemons run in the foreground, as children of this process, and are ended with it.
"""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

WANTED = ["slurmctld", "slurmd", "slurm-client", "slurm-wlm-basic-plugins"]

CONF = """\
ClusterName=private
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
CredType=cred/none
# A job that queues itself again may start after this and a second; 120 s by default.
AuthInfo=cred_expire=5
PluginDir={plugins}
StateSaveLocation={dir}/state
SlurmdSpoolDir={dir}/spool
SlurmctldPidFile={dir}/slurmctld.pid
SlurmdPidFile={dir}/slurmd.pid
SlurmctldLogFile={dir}/slurmctld.log
SlurmdLogFile={dir}/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
MpiDefault=none
JobRequeue=1
JobFileAppend=1
KillWait=20
ReturnToService=2
SchedulerParameters=sched_interval=5,bf_interval=5,batch_sched_delay=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=low Nodes={host} Default=YES PriorityTier=1 PreemptMode=REQUEUE GraceTime=60 MaxTime=INFINITE
PartitionName=high Nodes={host} PriorityTier=10 PreemptMode=OFF MaxTime=60
"""


class Unavailable(Exception):
    """There can be no Slurm here, and why."""


def run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def unpack(folder: Path) -> None:
    """Downloads Slurm and what it needs that is not installed, and unpacks all of it into `folder`."""
    if (folder / "ready").exists():
        return
    for program in ("apt-get", "apt-cache", "dpkg"):
        if not shutil.which(program):
            raise Unavailable(f"no {program}: Slurm is taken from Debian's packages")
    silent = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"]
    said = run(["apt-cache", "depends", "--recurse", *(f"--no-{kind}" for kind in silent), *WANTED])
    names = {line.strip() for line in said.stdout.splitlines() if line[:1].isalpha()}
    libraries = {name for name in names if name.startswith(("lib", "slurm"))}
    missing = [name for name in libraries if run(["dpkg", "-s", name]).returncode != 0]
    if not set(WANTED) <= names:
        raise Unavailable(f"apt knows no package {', '.join(sorted(set(WANTED) - names))}")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "debs").mkdir(parents=True)
    said = run(["apt-get", "download", *sorted(missing)], cwd=folder / "debs")
    if said.returncode:
        raise Unavailable(f"packages cannot be downloaded: {said.stderr.strip().splitlines()[-1:]}")
    for package in sorted((folder / "debs").glob("*.deb")):
        subprocess.run(["dpkg", "-x", package, folder / "root"], check=True)
    (folder / "ready").touch()


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Cluster:
    """The two daemons; `env` is what lets programs find them."""

    def __init__(self, packages: Path, folder: Path):
        unpack(packages)
        root = packages / "root"
        libraries = next((root / "usr/lib").glob("*-linux-gnu"))
        plugins = libraries / "slurm-wlm"
        for name in ("state", "spool"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        host = socket.gethostname().split(".")[0]
        user = run(["id", "-un"]).stdout.strip()
        conf = folder / "slurm.conf"
        conf.write_text(CONF.format(host=host, ports=free_ports(2), user=user, plugins=plugins, dir=folder))
        self.env = dict(
            os.environ,
            SLURM_CONF=str(conf),
            LD_LIBRARY_PATH=f"{libraries}:{plugins}",
            PATH=f"{root / 'usr/bin'}:{os.environ['PATH']}",
        )
        sbin = root / "usr/sbin"
        # The daemon looks for its helper under this name.
        step = sbin / "slurmstepd"
        if not step.exists():
            step.symlink_to(next(sbin.glob("slurmstepd*")).name)
        self.children: list[subprocess.Popen] = []
        try:
            self.start(next(sbin.glob("slurmctld*")), folder, "-D", "-i")
            self.wait(lambda: "UP" in self.ask("scontrol", "ping"), 30, "slurmctld does not answer")
            self.start(next(sbin.glob("slurmd*")), folder, "-D", "-d", str(step))
            self.wait(lambda: "idle" in self.ask("sinfo", "-h", "-o", "%T"), 60, "the node does not come up")
        except Unavailable:
            self.end()
            raise
        self.version = self.ask("sinfo", "--version").split()[-1]

    def start(self, program: Path, folder: Path, *arguments: str) -> None:
        with (folder / f"{program.name}.out").open("wb") as words:
            self.children.append(
                subprocess.Popen([program, *arguments], env=self.env, stdout=words, stderr=words, stdin=subprocess.DEVNULL)
            )

    def wait(self, condition, secs: float, why: str) -> None:
        until = time.monotonic() + secs
        while not condition():
            if time.monotonic() > until or any(child.poll() is not None for child in self.children):
                raise Unavailable(why)
            time.sleep(0.5)

    def ask(self, *command: str) -> str:
        return run(command, env=self.env).stdout

    def end(self) -> None:
        """Ends what was started here, jobs first, and nothing else."""
        if len(self.children) == 2:
            jobs = self.ask("squeue", "-h", "-o", "%A").split()
            if jobs:
                run(["scancel", "--signal=KILL", "--full", *jobs], env=self.env)
                run(["scancel", *jobs], env=self.env)
                time.sleep(2)
        for child in reversed(self.children):
            child.terminate()
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
