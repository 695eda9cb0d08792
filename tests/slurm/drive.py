"""Sweeps through a real Slurm: a time limit, a preemption, a teacher before its students, a failing point, a refusal; and the same numbers
as on this machine, to the last byte.

    python3 tests/slurm/drive.py RUNNER [FOLDER_OF_PACKAGES [SCENARIO…]]

Exit code 77 means that there can be no Slurm here, so that nothing was tested.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cluster import Cluster, Unavailable

ROOT = Path(__file__).resolve().parents[2]
NOT_RUN = 77

KEYWORD = """\
extends = ["{root}/experiments/speech_commands_classifier.toml"]

[profile.ci]
train = {{ max_steps = {steps}, warmup_steps = 2, decay_steps = {steps} }}
eval = {{ eval_interval = 1000000, checkpoint_interval = 1000000, max_eval_batches = 2 }}
output = {{ runs_dir = "{runs}", summary_interval = 1 }}
slurm = {{ partition = "low", cpus_per_task = 1, signal_lead_secs = {lead}, time_limit = "{limit}" }}
"""

RECOGNISER = """\
extends = ["{root}/experiments/{base}.toml"]
{more}
[profile.ci]
output.runs_dir = "{runs}"
data = {{ batch_size = 1, input_length_upper_bound = 30000 }}
train.max_steps = 4
eval = {{ max_eval_batches = 1, checkpoint_interval = 2 }}
slurm = {{ partition = "low", cpus_per_task = 1 }}
[profile.ci.model.wav2vec2]
hidden_size = 16
num_hidden_layers = 1
num_attention_heads = 2
intermediate_size = 16
conv_dim = [8, 8, 8]
feat_extract_norm = "layer"
num_conv_pos_embedding_groups = 4
mamba_headdim = 8
mamba_d_state = 8
"""


class Failed(Exception):
    pass


def check(holds, what: str) -> None:
    if not holds:
        raise Failed(what)
    print(f"  ok: {what}", flush=True)


class Desk:
    """A folder of experiments with its runs, the program and, where there is one, the cluster."""

    def __init__(self, runner: Path, folder: Path, cluster: Cluster | None):
        self.runner, self.folder, self.cluster = runner, folder, cluster
        self.runs = folder / "results" / "runs"
        self.step_secs = 0.0
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, text: str) -> str:
        path = self.folder / f"{name}.toml"
        path.write_text(text)
        return str(path)

    def call(self, *arguments: str, code: int | None = 0) -> subprocess.CompletedProcess:
        env = self.cluster.env if self.cluster else os.environ
        said = subprocess.run([self.runner, *arguments], cwd=ROOT, env=env, capture_output=True, text=True)
        if code is not None and said.returncode != code:
            raise Failed(f"`runner {' '.join(arguments)}` ended with {said.returncode}:\n{said.stdout}{said.stderr}")
        return said

    def sweep(self, file: str, *more: str, code: int | None = 0) -> dict:
        return json.loads(self.call("sweep", file, "--profile", "ci", "--json", *more, code=code).stdout)

    def submit(self, file: str, *more: str) -> dict:
        return self.sweep(file, "--on", "slurm", *more)

    def status(self, sweep: str) -> dict:
        return json.loads(self.call("status", sweep, "--json").stdout)

    def await_states(self, sweep: str, states: list[str], secs: float) -> dict:
        """The status in which the points are at these states. It is asked for often: the program asks the queue seldom."""
        until = time.monotonic() + secs
        while True:
            status = self.status(sweep)
            now = [point["state"] for point in status["points"]]
            if now == states:
                return status
            if time.monotonic() > until:
                raise Failed(f"after {secs:.0f} s points are {now}, not {states}:\n{json.dumps(status, indent=1)}\n{self.words(sweep)}")
            time.sleep(2)

    def words(self, sweep: str) -> str:
        logs = sorted(Path(sweep, "slurm").glob("*.out"))
        return "".join(f"--- {log.name}\n{log.read_text()[-3000:]}" for log in logs)


def steps_done(point: dict) -> int:
    rows = Path(point["dir"], "metrics.jsonl")
    return rows.read_text().count("train/loss") if rows.is_file() else 0


def same_results(there: Desk, here: Desk, points: list[dict]) -> None:
    """Every run's rows, metrics and last weights are those of the same run on this machine."""
    for point in points:
        name = Path(point["dir"]).name
        ours, local = there.runs / name, here.runs / name
        for file in ["metrics.jsonl", "metrics.json", "preds.jsonl"]:
            if not (local / file).exists():
                continue
            check((ours / file).read_bytes() == (local / file).read_bytes(), f"{name}: {file} has the bytes of the local run")
        weights = [(each / "checkpoints" / "latest" / "model.safetensors").resolve() for each in (ours, local)]
        check(weights[0].read_bytes() == weights[1].read_bytes(), f"{name}: weights of {weights[0].parent.name} have the bytes of the local run")


def table(desk: Desk, sweep: str) -> str:
    return desk.call("results", sweep, "--columns", "train.max_lr,run.seed,state,step,test/clf_acc,test/loss").stdout


def secs_per_step(desk: Desk) -> float:
    """How long an update takes on one thread here, now."""

    def took(steps: int) -> float:
        text = KEYWORD.format(root=ROOT, steps=steps, runs=desk.folder / f"timed{time.monotonic_ns()}", lead=30, limit="10m")
        file = desk.write(f"timed{steps}", text)
        began = time.monotonic()
        desk.call("run", file, "--profile", "ci", "-s", "run.threads=1", "--quiet")
        return time.monotonic() - began

    if not desk.step_secs:
        desk.step_secs = max((took(60) - took(20)) / 40, 1e-3)
        print(f"  an update takes {desk.step_secs:.3f} s", flush=True)
    return desk.step_secs


def keyword(desk: Desk, name: str, steps: int, sweep: str, lead=30, limit="10m") -> str:
    desk.write(f"{name}_base", KEYWORD.format(root=ROOT, steps=steps, runs=desk.runs, lead=lead, limit=limit))
    return desk.write(name, f'{sweep}\nexperiment = ["{name}_base.toml"]\n')


GRID = "[sweep]\nseeds = [0, 1]\n[sweep.axes]\ntrain.max_lr = [1e-3]"


def time_limit(there: Desk, here: Desk) -> None:
    print("a time limit, shorter than the runs", flush=True)
    steps = int(130 / secs_per_step(here))
    files = [keyword(desk, "limited", steps, GRID, limit="2m") for desk in (there, here)]
    sweep = there.submit(files[0])
    check([point["state"] for point in sweep["points"]] == ["submitted"] * 2, "two points are submitted")
    check(len(sweep["submitted"]) == 1, "as one array")
    again = there.submit(files[0])
    check([point["state"] for point in again["points"]] == ["queued"] * 2, "given again, nothing is submitted twice")
    status = there.await_states(sweep["dir"], ["done"] * 2, 900)
    words = there.words(sweep["dir"])
    check(words.count("is at its time limit; it waits in the queue again, return 1 of at most 20") == 2, "both were told before the limit, saved and queued themselves again")
    check(words.count("resuming") >= 2 or words.count("resumed") >= 2, "both went on from their checkpoint")
    here.sweep(files[1], "--jobs", "2")
    same_results(there, here, status["points"])
    print(table(there, sweep["dir"]))


def preemption(there: Desk, here: Desk) -> None:
    print("a job of a higher partition", flush=True)
    steps = int(50 / secs_per_step(here))
    files = [keyword(desk, "pushed", steps, GRID) for desk in (there, here)]
    sweep = there.submit(files[0])
    points = sweep["points"]
    until = time.monotonic() + 120
    while not all(steps_done(point) >= 5 for point in points):
        if time.monotonic() > until:
            raise Failed(f"no update in two minutes:\n{there.words(sweep['dir'])}")
        time.sleep(0.5)
    env = there.cluster.env
    subprocess.run(
        ["sbatch", "-p", "high", "-c2", "-t", "5", "-o", "/dev/null", "--wrap", "sleep 25"], env=env, check=True, capture_output=True
    )
    there.await_states(sweep["dir"], ["preempted"] * 2, 120)
    status = there.await_states(sweep["dir"], ["done"] * 2, 600)
    words = there.words(sweep["dir"])
    check(words.count("was pushed aside; it waits in the queue again") == 2, "both were pushed aside, saved and came back")
    here.sweep(files[1], "--jobs", "2")
    same_results(there, here, status["points"])
    print(table(there, sweep["dir"]))


def teacher(there: Desk, here: Desk) -> None:
    print("a teacher before its students", flush=True)
    files = []
    for desk in (there, here):
        for name, base, more in [
            ("teacher", "tedlium_direct", ""),
            ("student", "tedlium_waypoint", 'distill.teacher = "teacher"'),
        ]:
            desk.write(name, RECOGNISER.format(root=ROOT, base=base, more=more, runs=desk.runs))
        files.append(
            desk.write("taught", '[sweep.axes]\nexperiment = ["student.toml"]\ndistill.alpha_layer_distill_loss = [0.5, 1]\n')
        )
    sweep = there.submit(files[0])
    first, second = sweep["submitted"]
    check(not first["is_array"] and len(first["runs"]) == 1, "the teacher is a job of its own")
    check(second["after"] == [first["job"]] and len(second["runs"]) == 2, "the students are an array that waits for it")
    status = there.await_states(sweep["dir"], ["done"] * 2, 300)
    here.sweep(files[1])
    same_results(there, here, status["points"] + status["needed"])


def failing(there: Desk, _here: Desk) -> None:
    print("a failing point", flush=True)
    axes = '[sweep.axes]\ndata.dev_meta = ["gone.txt", "meta.dev.digits.nltLa.txt"]'
    file = keyword(there, "failing", 3, axes)
    sweep = there.submit(file)
    status = there.await_states(sweep["dir"], ["failed", "done"], 120)
    log = Path(status["points"][0]["log"]).read_text()
    about = status["points"][0]["about"]
    check("gone.txt" in about and about in log, f"the point that fails says why: {about}")
    again = there.submit(file)
    check([point["state"] for point in again["points"]] == ["submitted", "done"], "given again, only what failed is submitted")
    there.await_states(sweep["dir"], ["failed", "done"], 120)


def orphans(there: Desk, _here: Desk) -> None:
    print("students of a teacher that fails", flush=True)
    student = RECOGNISER.format(
        root=ROOT, base="tedlium_waypoint", more='distill.teacher = "broken"', runs=there.runs
    )
    broken = RECOGNISER.format(root=ROOT, base="tedlium_direct", more="", runs=there.runs)
    there.write("broken", broken.replace("data = {", 'data = { dev_meta = "gone.txt",'))
    there.write("orphan", student)
    file = there.write("orphans", '[sweep.axes]\nexperiment = ["orphan.toml"]\ndistill.alpha_layer_distill_loss = [0.5, 1]\n')
    sweep = there.submit(file)
    status = there.await_states(sweep["dir"], ["lost"] * 2, 180)
    check(status["needed"][0]["state"] == "failed", "the teacher failed, and its students are out of the queue")
    again = there.submit(file)
    check(len(again["submitted"]) == 2, "given again, all of them are submitted")
    there.await_states(sweep["dir"], ["lost"] * 2, 180)


def cancelled(there: Desk, _here: Desk) -> None:
    print("scancel", flush=True)
    file = keyword(there, "cancelled", 100000, GRID)
    sweep = there.submit(file)
    until = time.monotonic() + 180
    while not all(steps_done(point) >= 1 for point in sweep["points"]):
        if time.monotonic() > until:
            raise Failed(f"no update in three minutes:\n{there.words(sweep['dir'])}")
        time.sleep(0.5)
    subprocess.run(["scancel", sweep["submitted"][0]["job"]], env=there.cluster.env, check=True)
    status = there.await_states(sweep["dir"], ["interrupted"] * 2, 120)
    saved = [(Path(point["dir"]) / "checkpoints" / "latest").exists() for point in status["points"]]
    check(all(saved), "both runs are saved, and their jobs stay ended")


def refusal(there: Desk, _here: Desk) -> None:
    print("a refusal", flush=True)
    file = keyword(there, "refused", 3, GRID)
    said = there.call("sweep", file, "--profile", "ci", "--on", "slurm", "-s", "slurm.partition=nowhere", code=1)
    check("`sbatch` refuses: invalid partition specified: nowhere" in said.stderr, "is told in the cluster's words")
    said = there.call("sweep", file, "--profile", "ci", "--on", "slurm", "--dry-run", "-s", "slurm.partition=nowhere", code=1)
    check("invalid partition specified: nowhere" in said.stderr, "a dry run foresees it")
    said = there.call("sweep", file, "--profile", "ci", "--on", "slurm", "--dry-run")
    check("#SBATCH --array=0-1\n" in said.stdout and "`sbatch` would take it" in said.stderr, "a sound script passes")


def many(there: Desk, _here: Desk) -> None:
    print("five hundred points", flush=True)
    axes = "[sweep]\nseeds = 500\n[sweep.axes]\ntrain.max_lr = [1e-3]"
    file = keyword(there, "many", 3, axes)
    began = time.monotonic()
    sweep = there.submit(file, "-s", "slurm.sbatch=['--hold']")
    took = time.monotonic() - began
    check(len(sweep["submitted"]) == 1 and len(sweep["points"]) == 500, f"are one array, submitted in {took:.1f} s")
    subprocess.run(["scancel", sweep["submitted"][0]["job"]], env=there.cluster.env, check=True)


def study(there: Desk, here: Desk) -> None:
    """Six points of a study that was run on this machine, or is now: minutes, so it is played only where it is named."""
    print("six points of experiments/sweeps/cald_alpha.toml", flush=True)
    here.runs = ROOT / "results" / "runs"
    experiments = [f"{ROOT}/experiments/tedlium_{family}.toml" for family in ("target", "waypoint")]
    axes = f"[sweep.axes]\nexperiment = {json.dumps(experiments)}\ndistill.alpha_layer_distill_loss = [3.75, 15.0, 30.0]\n"
    file = there.write("six", axes)
    by_slurm = ["--on", "slurm", "-s", "slurm.partition=low", "-s", "slurm.cpus_per_task=1"]
    ask = ["sweep", file, "--profile", "study", "--json", "-s"]
    sweep = json.loads(there.call(*ask, f"output.runs_dir={there.runs}", *by_slurm).stdout)
    here.call(*ask, f"output.runs_dir={here.runs}")
    status = there.await_states(sweep["dir"], ["done"] * 6, 1800)
    same_results(there, here, status["points"] + status["needed"])


def play(scenario, runner: Path, cluster: Cluster, folder: Path) -> None:
    """A scenario, in folders of its own. It is bound to the clock of a machine that may do other things, so one failure is said and it is tried
    again; a second one counts."""
    for attempt in ["first", "second"]:
        there, here = Desk(runner, folder / attempt / "there", cluster), Desk(runner, folder / attempt / "here", None)
        try:
            return scenario(there, here)
        except Failed as why:
            if attempt == "second":
                raise
            print(f"  failed, and is tried again: {why}", flush=True)
            subprocess.run(["scancel", "-u", "root"], env=cluster.env, check=False)


def main() -> int:
    runner = Path(sys.argv[1]).resolve()
    packages = Path(sys.argv[2] if len(sys.argv) > 2 else Path.home() / ".cache" / "runner-slurm").resolve()
    packages.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="slurm-") as scratch:
        folder = Path(scratch)
        try:
            cluster = Cluster(packages, folder / "cluster")
        except Unavailable as why:
            print(f"Slurm: not run ({why})")
            return NOT_RUN
        try:
            print(f"Slurm {cluster.version}, one node of two CPUs", flush=True)
            print(Desk(runner, folder / "asking", cluster).call("doctor", "--slurm").stdout)
            unasked = [refusal, failing, teacher, orphans, cancelled, preemption, time_limit, many]
            for scenario in [*unasked, study]:
                if scenario.__name__ in sys.argv[3:] or not sys.argv[3:] and scenario in unasked:
                    play(scenario, runner, cluster, folder / scenario.__name__)
        except Failed as why:
            print(f"FAILED: {why}")
            return 1
        finally:
            cluster.end()
    print("Slurm: all of it holds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
