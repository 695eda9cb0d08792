# The developer's door. `just` lists it.
default:
    @just --list

# All that CI does.
check:
    .ci/run

# The tests alone.
test:
    cargo test --release --workspace

# Regenerate what is read off the source: schemas/, docs/sentences.txt, the table of translated flags.
refresh:
    RUNNER_UPDATE=1 cargo test --release --lib --test sentences the_committed_

# Regenerate the goldens of the parity tests (needs Python with torch, transformers, safetensors).
goldens:
    python3 tests/parity/make_wav2vec2.py

# Ops and models on the CPU beside PyTorch (where RUNNER_PYTHON has torch), then time and memory over length.
bench:
    cargo bench --bench cpu
    cargo bench --bench cpu -- --scaling

# Regenerate the bundled corpus (needs espeak-ng and sox).
corpus:
    python3 corpora/make_smoke.py

# Measure the house: files, functions, docs, repeats. `--checks` also times checks after a touch, `--time` those and the tests; `--all` cuts no list.
house *args:
    cargo run --release --quiet --example house -- {{args}}

# Everything that README.md and docs/ say, run as said and compared; `--slow` runs what takes minutes, too, and pages may be named.
docs-run *args:
    cargo build --release --quiet --examples --bin runner
    cargo run --release --quiet --example docs_run -- {{args}}

# Every device kernel on a GPU, held to its specification and timed; writes results/tables/gpu.md and gpu_bench.md. Without a GPU it says so and
# does nothing.
gpu number="0":
    .ci/gpu {{number}}

# The main job on the bundled corpus.
smoke:
    cargo run --release -- run experiments/tedlium_waypoint.toml --profile smoke

# Bits a sample by counting codes: the baseline of a model of raw sound.
counts *args:
    cargo run --release --quiet --example counts -- {{args}}

# Generated digits beside real ones, a control and noise: `just samples CLASSIFIER_RUN SASHIMI_RUN`.
samples *args:
    cargo run --release --quiet --example samples -- {{args}}

# Sweeps through a real Slurm, every scenario; needs Debian's packages, installs nothing.
slurm:
    cargo build --release
    .ci/slurm "${CARGO_TARGET_DIR:-target}/release/runner"

# Runs killed, signalled, damaged, starved of disk: does anything get lost? Minutes.
faults *args:
    cargo bench --bench faults -- {{args}}

# Hostile bytes for every parser, for so many seconds of the processor; `--only NAME` for one of them. Overflows of numbers are panics here.
fuzz secs="60" *args:
    cargo run --release --quiet --config profile.release.package.runner.overflow-checks=true -p runner-fuzz -- --secs {{secs}} {{args}}

# The kernels' tests under valgrind, which knows AVX2 and no AVX-512: about an hour. Needs Debian's valgrind.
valgrind *args:
    .ci/valgrind {{args}}

# Does a run that is judged and saved thousands of times hold more and more? Ten minutes, or `--minutes N`.
soak *args:
    cargo bench --bench soak -- {{args}}
