// One step of the recurrence for all sequences at once, behind cuBLAS, which has added what the hidden weight makes of the h before.
// Forward moves 36 H bytes a frame and sequence (44 H where backward follows), backward 56 H, and cuBLAS reads the hidden weight's 16 H² bytes from
// the second cache once a step: what binds is that a step waits for the one before, two starts of a kernel each.

// A thread for each unit of each sequence: `gates` through their functions, in place; `cell` one step on, to `cells` too where it is somewhere.
extern "C" __global__ void lstm_step(float* gates, const float* input_bias, const float* hidden_bias, float* cell, float* cells, float* y,
                                     index_t batch, index_t time, index_t hidden, index_t t) {
    const index_t unit = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (unit >= batch * hidden) return;
    const index_t at = unit % hidden, row = unit / hidden * time + t;
    float* of_row = gates + 4 * row * hidden;
    float of_unit[4];
#pragma unroll
    for (int gate = 0; gate < 4; gate++) {
        const index_t place = gate * hidden + at;
        const float sum = of_row[place] + (input_bias[place] + hidden_bias[place]);
        of_unit[gate] = gate == 2 ? tanhf(sum) : sigmoid(sum);
        of_row[place] = of_unit[gate];
    }
    const float now = of_unit[1] * cell[unit] + of_unit[0] * of_unit[2];
    cell[unit] = now;
    if (cells) cells[row * hidden + at] = now;
    y[row * hidden + at] = of_unit[3] * tanhf(now);
}

// The same way back: `gates` become the gradients of what went into them, `dc` that of the cell before. `dh` is what the step behind owes; nowhere
// for the last one.
extern "C" __global__ void lstm_back_step(float* gates, const float* cells, const float* first_cell, const float* dout, const float* dh, float* dc,
                                          index_t batch, index_t time, index_t hidden, index_t t) {
    const index_t unit = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (unit >= batch * hidden) return;
    const index_t at = unit % hidden, row = unit / hidden * time + t, place = row * hidden + at;
    float* of_row = gates + 4 * row * hidden + at;
    const float i = of_row[0], f = of_row[hidden], g = of_row[2 * hidden], o = of_row[3 * hidden];
    const float before = t == 0 ? first_cell[unit] : cells[place - hidden];
    const float dy = dh ? dout[place] + dh[unit] : dout[place];
    const float squashed = tanhf(cells[place]);
    const float owed = dc[unit] + dy * o * (1.0f - squashed * squashed);
    of_row[0] = owed * g * i * (1.0f - i);
    of_row[hidden] = owed * before * f * (1.0f - f);
    of_row[2 * hidden] = owed * i * (1.0f - g * g);
    of_row[3 * hidden] = dy * squashed * o * (1.0f - o);
    dc[unit] = owed * f;
}

// h before each step [B, T, H]: `first` [B, H], then y. A thread for each value.
extern "C" __global__ void lstm_before(const float* first, const float* y, float* before, index_t len, index_t time, index_t hidden) {
    const index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= len) return;
    const index_t row = i / hidden;
    before[i] = row % time == 0 ? first[row / time * hidden + i % hidden] : y[i - hidden];
}
