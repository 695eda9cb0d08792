"""Writes tests/parity/random_state.tsv: what numpy.random.RandomState draws. Made with numpy 2.4.6 (its legacy generator is frozen).

    python tests/parity/make_random_state.py

Columns: seed; RandomState(seed).shuffle of 0..n; three fractions drawn after it; b, and choice(b, k, replace=False) drawn after those.
"""
import pathlib

import numpy as np

rows = []
for index in range(100):
    seed = index if index < 90 else 2**32 - 1 - 977 * (index - 90)
    # Every seventh list is longer than the state has words, so that the state is made anew while shuffling.
    count = 700 if index % 35 == 7 else [10, 0, 1, 2, 3, 17, 64, 65, 33][index % 9]
    random = np.random.RandomState(seed)
    shuffled = list(range(count))
    random.shuffle(shuffled)
    fractions = [repr(float(random.random_sample())) for _ in range(3)]
    below = [5, 1, 40, 91, 16, 129][index % 6]
    chosen = random.choice(np.arange(below), min(below, 1 + index % 5), replace=False)
    rows.append([seed, " ".join(map(str, shuffled)), " ".join(fractions), below, " ".join(map(str, chosen))])
lines = [f"# numpy {np.__version__}, make_random_state.py"] + ["\t".join(map(str, row)) for row in rows]
(pathlib.Path(__file__).parent / "random_state.tsv").write_text("\n".join(lines) + "\n")
