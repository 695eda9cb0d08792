// Chunks of Q ≤ 64 steps side by side, as products of tiles: what a chunk adds to a state that comes in as zero, a carry over the chunks, then the
// outputs. Backward does the same from the last chunk. States are [B, chunks, H, N, P]; Δ and s, the running sum of Δ A log2 e in a chunk, are
// [B, T, H], s in f64, so that differences of neighbours stay exact where the sum is large.
//
// Bound by products, Q² (N + P) + 2 Q N P multiplications for each chunk and head forward and about three times that backward, in f32 on the ordinary
// units; states pass through memory twice.

// Rows and columns of a tile, the extent of a product that is staged at once, and the threads of a block: 16 by 16, of which each has 4 × 4 values.
#define TILE 64
#define DEPTH 16
#define THREADS 256
#define PADDED (TILE + 1)

struct Stage {
    float left[DEPTH][PADDED], right[DEPTH][PADDED];
};

// The place of a thread's value `k` along the tile.
__device__ __forceinline__ int row_of(int k) { return threadIdx.x / 16 + 16 * k; }
__device__ __forceinline__ int col_of(int k) { return threadIdx.x % 16 + 16 * k; }

__device__ __forceinline__ void clear(float (&sums)[4][4]) {
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) sums[i][j] = 0.0f;
}

// sums += Σ_k left(row, k) right(k, col). Both are 0 outside; INNER says that neighbours in memory are neighbours along k. All threads must call it: what
// the block wrote to shared memory before is seen, and what it reads may be overwritten after the next barrier.
template <bool LEFT_INNER, bool RIGHT_INNER, typename Left, typename Right>
__device__ __forceinline__ void add_product(float (&sums)[4][4], Stage& stage, index_t inner, Left left, Right right) {
    for (index_t from = 0; from < inner; from += DEPTH) {
        __syncthreads();
        for (int at = threadIdx.x; at < TILE * DEPTH; at += THREADS) {
            const int i = LEFT_INNER ? at % DEPTH : at / TILE, row = LEFT_INNER ? at / DEPTH : at % TILE;
            stage.left[i][row] = from + i < inner ? left(row, from + i) : 0.0f;
            const int j = RIGHT_INNER ? at % DEPTH : at / TILE, col = RIGHT_INNER ? at / DEPTH : at % TILE;
            stage.right[j][col] = from + j < inner ? right(from + j, col) : 0.0f;
        }
        __syncthreads();
#pragma unroll
        for (int k = 0; k < DEPTH; k++) {
            float l[4], r[4];
#pragma unroll
            for (int i = 0; i < 4; i++) l[i] = stage.left[k][row_of(i)], r[i] = stage.right[k][col_of(i)];
#pragma unroll
            for (int i = 0; i < 4; i++)
#pragma unroll
                for (int j = 0; j < 4; j++) sums[i][j] += l[i] * r[j];
        }
    }
}

struct Extents {
    index_t time, heads, width, groups, state, chunk, chunks;
};

// A head in a chunk of a sequence.
struct Place {
    index_t sequence, chunk, head, group, row, inner, columns, at;  // row: of its first step; at: of its state
    int rows;
};

__device__ __forceinline__ Place place_of(const Extents& e, index_t sequence, index_t chunk, index_t head) {
    Place p;
    p.sequence = sequence, p.chunk = chunk, p.head = head;
    p.group = head / (e.heads / e.groups);
    p.row = sequence * e.time + chunk * e.chunk;
    p.rows = (int)min(e.chunk, e.time - chunk * e.chunk);
    p.inner = e.heads * e.width;
    p.columns = p.inner + 2 * e.groups * e.state;
    p.at = ((sequence * e.chunks + chunk) * e.heads + head) * e.state * e.width;
    return p;
}

// The head of block x, heads fastest.
__device__ __forceinline__ Place place_of_block(const Extents& e) {
    const index_t block = blockIdx.x;
    return place_of(e, block / e.heads / e.chunks, block / e.heads % e.chunks, block % e.heads);
}

// x, B and C of step i of the chunk; 0 behind its end and outside its columns.
__device__ __forceinline__ float x_at(const Extents& e, const Place& p, const float* xbc, index_t i, index_t c) {
    return i < p.rows && c < e.width ? xbc[(p.row + i) * p.columns + p.head * e.width + c] : 0.0f;
}
__device__ __forceinline__ float b_at(const Extents& e, const Place& p, const float* xbc, index_t i, index_t n) {
    return i < p.rows && n < e.state ? xbc[(p.row + i) * p.columns + p.inner + p.group * e.state + n] : 0.0f;
}
__device__ __forceinline__ float c_at(const Extents& e, const Place& p, const float* xbc, index_t i, index_t n) {
    return i < p.rows && n < e.state ? xbc[(p.row + i) * p.columns + p.inner + (e.groups + p.group) * e.state + n] : 0.0f;
}
__device__ __forceinline__ float y_at(const Extents& e, const Place& p, const float* y, index_t i, index_t c) {
    return i < p.rows && c < e.width ? y[(p.row + i) * p.inner + p.head * e.width + c] : 0.0f;
}
__device__ __forceinline__ float s_at(const Extents& e, const Place& p, const float* states, index_t n, index_t c) {
    return n < e.state && c < e.width ? states[p.at + n * e.width + c] : 0.0f;
}

// The steps of a head in a chunk: Δ, s, e^{s_i}, e^{s_last − s_i} Δ_i and e^{s_last − s_i}; 0 behind the end.
struct Steps {
    double s[TILE];
    float delta[TILE], since[TILE], weight[TILE], left[TILE];
};

__device__ __forceinline__ void load_steps(const Extents& e, const Place& p, const float* delta, const double* sums, Steps& steps) {
    const int i = threadIdx.x;
    if (i < TILE) {
        const bool there = i < p.rows;
        const index_t at = (p.row + i) * e.heads + p.head;
        const double s = there ? sums[at] : 0.0, last = sums[(p.row + p.rows - 1) * e.heads + p.head];
        steps.s[i] = s;
        steps.delta[i] = there ? delta[at] : 0.0f;
        steps.since[i] = there ? exp2f((float)s) : 0.0f;
        steps.left[i] = there ? exp2f((float)(last - s)) : 0.0f;
        steps.weight[i] = steps.left[i] * steps.delta[i];
    }
    __syncthreads();
}

// e^{s_i − s_j}, 0 where j > i.
__device__ __forceinline__ float decay_between(const Place& p, const Steps& steps, int i, int j) {
    return j <= i && i < p.rows ? exp2f((float)(steps.s[i] - steps.s[j])) : 0.0f;
}

__device__ __forceinline__ float softplus(float x) { return fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))); }

// A thread walks a chunk of a head, heads fastest.
extern "C" __global__ void ssd_steps(const float* dt, const float* a_log, const float* dt_bias, float* delta, double* sums, float least, float most,
                                     index_t time, index_t heads, index_t chunk, index_t chunks, index_t all) {
    const index_t index = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= all) return;
    const index_t head = index % heads, first = index / heads % chunks * chunk, sequence = index / heads / chunks;
    const double rate = -exp((double)a_log[head]) * 1.4426950408889634;
    double sum = 0.0;
    for (index_t t = first; t < min(first + chunk, time); t++) {
        const index_t at = (sequence * time + t) * heads + head;
        const float step = fminf(fmaxf(softplus(dt[at] + dt_bias[head]), least), most);
        sum += (double)step * rate;
        delta[at] = step;
        sums[at] = sum;
    }
}

// What chunks add to a state that comes in as zero, Σ_j e^{s_last − s_j} Δ_j B_j x_jᵀ; or, `backwards`, to the gradient of one, Σ_i e^{s_i} C_i dy_iᵀ.
// Tiles of the state along y and z.
extern "C" __global__ void __launch_bounds__(256) ssd_states(const float* xbc, const float* dy, const float* delta, const double* sums, float* states,
                                                             int backwards, index_t time, index_t heads, index_t width, index_t groups, index_t state,
                                                             index_t chunk, index_t chunks) {
    __shared__ Stage stage;
    __shared__ Steps steps;
    const Extents e = {time, heads, width, groups, state, chunk, chunks};
    const Place p = place_of_block(e);
    load_steps(e, p, delta, sums, steps);
    const index_t n = (index_t)blockIdx.y * TILE, c = (index_t)blockIdx.z * TILE;
    float values[4][4];
    clear(values);
    if (backwards) {
        add_product<false, false>(
            values, stage, p.rows, [&](int row, index_t i) { return steps.since[i] * c_at(e, p, xbc, i, n + row); },
            [&](index_t i, int col) { return y_at(e, p, dy, i, c + col); });
    } else {
        add_product<false, false>(
            values, stage, p.rows, [&](int row, index_t i) { return steps.weight[i] * b_at(e, p, xbc, i, n + row); },
            [&](index_t i, int col) { return x_at(e, p, xbc, i, c + col); });
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            if (n + row_of(i) < state && c + col_of(j) < width) states[p.at + (n + row_of(i)) * width + c + col_of(j)] = values[i][j];
}

// From what each chunk adds to what comes into it: from the left, or, `backwards`, from the right. A thread has a value of a head's state.
extern "C" __global__ void ssd_carry(const double* sums, float* states, int backwards, index_t time, index_t heads, index_t size, index_t chunk,
                                     index_t chunks, index_t all) {
    const index_t index = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= all) return;
    const index_t value = index % size, head = index / size % heads, sequence = index / size / heads;
    float running = 0.0f;
    for (index_t k = 0; k < chunks; k++) {
        const index_t at = backwards ? chunks - 1 - k : k, last = min((at + 1) * chunk, time) - 1;
        float* here = states + ((sequence * chunks + at) * heads + head) * size + value;
        const float added = *here;
        *here = running;
        running = exp2f((float)sums[(sequence * time + last) * heads + head]) * running + added;
    }
}

// y [B, T, H, P]. A block has a head of a chunk.
extern "C" __global__ void __launch_bounds__(256) ssd_forward(const float* xbc, const float* d, const float* delta, const double* sums, const float* states,
                                                              float* y, index_t time, index_t heads, index_t width, index_t groups, index_t state,
                                                              index_t chunk, index_t chunks) {
    __shared__ Stage stage;
    __shared__ Steps steps;
    __shared__ float mixed[TILE][PADDED];
    const Extents e = {time, heads, width, groups, state, chunk, chunks};
    const Place p = place_of_block(e);
    load_steps(e, p, delta, sums, steps);
    float values[4][4];
    clear(values);
    add_product<true, true>(
        values, stage, state, [&](int row, index_t n) { return c_at(e, p, xbc, row, n); }, [&](index_t n, int col) { return b_at(e, p, xbc, col, n); });
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            const int row = row_of(i), col = col_of(j);
            mixed[row][col] = values[i][j] * decay_between(p, steps, row, col) * steps.delta[col];
        }
    for (index_t c = 0; c < width; c += TILE) {
        clear(values);
        add_product<true, false>(
            values, stage, p.rows, [&](int row, index_t j) { return mixed[row][j]; }, [&](index_t j, int col) { return x_at(e, p, xbc, j, c + col); });
        add_product<true, false>(
            values, stage, state, [&](int row, index_t n) { return steps.since[row] * c_at(e, p, xbc, row, n); },
            [&](index_t n, int col) { return s_at(e, p, states, n, c + col); });
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) {
                const index_t row = row_of(i), col = c + col_of(j);
                if (row < p.rows && col < width)
                    y[(p.row + row) * p.inner + p.head * width + col] = values[i][j] + d[p.head] * x_at(e, p, xbc, row, col);
            }
    }
}

// The sum over the 16 threads of a row, in all of them.
__device__ __forceinline__ float over_row(float value) {
    for (int apart = 8; apart > 0; apart /= 2) value += __shfl_xor_sync(ALL_LANES, value, apart);
    return value;
}

// The gradients by x and by the steps. A block has a head of a chunk: dx is added to or set, `draw` [B, T, H] is the gradient by dt, and da_log and dd
// [B chunks, H] are what the chunk adds to those. `states` come into the chunks, `pulls` are the gradients of those that leave them.
extern "C" __global__ void __launch_bounds__(256) ssd_backward(const float* xbc, const float* dt, const float* a_log, const float* d, const float* dt_bias,
                                                               const float* delta, const double* sums, const float* states, const float* pulls,
                                                               const float* dy, float* dxbc, float* ddt, float* draw, float* da_log, float* dd,
                                                               float x_beta, float dt_beta, float least, float most, index_t time, index_t heads,
                                                               index_t width, index_t groups, index_t state, index_t chunk, index_t chunks) {
    __shared__ Stage stage;
    __shared__ Steps steps;
    __shared__ float mixed[TILE][PADDED];
    // Of each step: Σ of M_ij dy_i·x_j over the steps before as its row and over those behind as its column; and ∂/∂Δ at fixed decay.
    __shared__ double of_rows[TILE], of_cols[TILE];
    __shared__ float at_fixed[TILE], of_state[TILE], of_pull[TILE], of_rate[TILE], of_direct[TILE];
    const Extents e = {time, heads, width, groups, state, chunk, chunks};
    const Place p = place_of_block(e);
    const int t = threadIdx.x;
    load_steps(e, p, delta, sums, steps);
    float values[4][4], products[4][4];
    clear(values);
    clear(products);
    add_product<true, true>(
        values, stage, state, [&](int row, index_t n) { return c_at(e, p, xbc, row, n); }, [&](index_t n, int col) { return b_at(e, p, xbc, col, n); });
    add_product<true, true>(
        products, stage, width, [&](int row, index_t c) { return y_at(e, p, dy, row, c); }, [&](index_t c, int col) { return x_at(e, p, xbc, col, c); });
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            const int row = row_of(i), col = col_of(j);
            values[i][j] *= decay_between(p, steps, row, col);
            mixed[row][col] = values[i][j] * products[i][j];
            if (row == col) of_direct[row] = products[i][j];
        }
    __syncthreads();
    if (t < TILE) {
        // The same products in rows and columns, exact in f64: what cancels between them is gone.
        double row = 0.0, col = 0.0;
        for (int k = 0; k < t; k++) row += (double)steps.delta[k] * mixed[t][k];
        for (int k = t + 1; k < p.rows; k++) col += mixed[k][t];
        of_rows[t] = row;
        of_cols[t] = steps.delta[t] * col;
        at_fixed[t] = (float)(col + mixed[t][t]);
    }
    __syncthreads();
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) mixed[row_of(i)][col_of(j)] = values[i][j] * steps.delta[col_of(j)];
    float by_state[4] = {0.0f, 0.0f, 0.0f, 0.0f}, by_pull[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    for (index_t c = 0; c < width; c += TILE) {
        clear(values);
        add_product<true, false>(
            values, stage, state, [&](int row, index_t n) { return c_at(e, p, xbc, row, n); },
            [&](index_t n, int col) { return s_at(e, p, states, n, c + col); });
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) by_state[i] += values[i][j] * y_at(e, p, dy, row_of(i), c + col_of(j));
        clear(values);
        add_product<true, false>(
            values, stage, state, [&](int row, index_t n) { return b_at(e, p, xbc, row, n); },
            [&](index_t n, int col) { return s_at(e, p, pulls, n, c + col); });
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) {
                by_pull[i] += values[i][j] * x_at(e, p, xbc, row_of(i), c + col_of(j));
                values[i][j] *= steps.weight[row_of(i)];
            }
        if (!dxbc) continue;
        add_product<false, false>(
            values, stage, p.rows, [&](int row, index_t i) { return mixed[i][row]; }, [&](index_t i, int col) { return y_at(e, p, dy, i, c + col); });
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) {
                const index_t row = row_of(i), col = c + col_of(j);
                if (row < p.rows && col < width)
                    accumulate(dxbc + (p.row + row) * p.columns + p.head * width + col, values[i][j] + d[p.head] * y_at(e, p, dy, row, col), x_beta);
            }
    }
    for (int i = 0; i < 4; i++) {
        const float state_sum = over_row(by_state[i]), pull_sum = over_row(by_pull[i]);
        if (t % 16 == 0) {
            of_state[row_of(i)] = steps.since[row_of(i)] * state_sum;
            of_pull[row_of(i)] = steps.left[row_of(i)] * pull_sum;
        }
    }
    float carried = 0.0f;
    for (index_t i = t; i < state * width; i += THREADS) carried += states[p.at + i] * pulls[p.at + i];
    carried = steps.since[p.rows - 1] * block_sum(carried);
    const float rate = -expf(a_log[p.head]);
    if (t < TILE) of_rate[t] = 0.0f;
    if (t < p.rows) {
        double lambda = carried;
        for (int i = t; i < p.rows; i++) lambda += of_rows[i] - of_cols[i] + of_state[i];
        for (int j = 0; j < t; j++) lambda += (double)steps.delta[j] * of_pull[j];
        of_rate[t] = (float)(steps.delta[t] * lambda);
        const index_t at = (p.row + t) * heads + p.head;
        const float raw = dt[at] + dt_bias[p.head], free = softplus(raw);
        const float by_step = (float)(at_fixed[t] + of_pull[t] + rate * lambda);
        const float by_raw = least < free && free < most ? by_step * sigmoid(raw) : 0.0f;
        draw[at] = by_raw;
        if (ddt) accumulate(ddt + at, by_raw, dt_beta);
    }
    __syncthreads();
    if (t == 0) {
        double by_rate = 0.0, direct = 0.0;
        for (int i = 0; i < p.rows; i++) by_rate += of_rate[i], direct += of_direct[i];
        const index_t at = (p.sequence * chunks + p.chunk) * heads + p.head;
        da_log[at] = (float)(rate * by_rate);
        dd[at] = (float)direct;
    }
}

// The gradients by B and C. A block has a group of a chunk, and TILE states along y; it takes the group's heads in their order.
extern "C" __global__ void __launch_bounds__(256) ssd_by_groups(const float* xbc, const float* delta, const double* sums, const float* states,
                                                                const float* pulls, const float* dy, float* dxbc, float beta, index_t time, index_t heads,
                                                                index_t width, index_t groups, index_t state, index_t chunk, index_t chunks) {
    __shared__ Stage stage;
    __shared__ Steps steps;
    __shared__ float mixed[TILE][PADDED];
    const Extents e = {time, heads, width, groups, state, chunk, chunks};
    const index_t block = blockIdx.x, group = block % groups, per_group = heads / groups, n = (index_t)blockIdx.y * TILE;
    Place p = place_of(e, block / groups / chunks, block / groups % chunks, group * per_group);
    float by_b[4][4], by_c[4][4], tile[4][4], products[4][4];
    clear(by_b);
    clear(by_c);
    clear(tile);
    for (index_t head = group * per_group; head < (group + 1) * per_group; head++) {
        p = place_of(e, p.sequence, p.chunk, head);
        __syncthreads();
        load_steps(e, p, delta, sums, steps);
        clear(products);
        add_product<true, true>(
            products, stage, width, [&](int row, index_t c) { return y_at(e, p, dy, row, c); }, [&](index_t c, int col) { return x_at(e, p, xbc, col, c); });
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) tile[i][j] += products[i][j] * decay_between(p, steps, row_of(i), col_of(j)) * steps.delta[col_of(j)];
        add_product<true, true>(
            by_c, stage, width, [&](int row, index_t c) { return steps.since[row] * y_at(e, p, dy, row, c); },
            [&](index_t c, int col) { return s_at(e, p, states, n + col, c); });
        add_product<true, true>(
            by_b, stage, width, [&](int row, index_t c) { return steps.weight[row] * x_at(e, p, xbc, row, c); },
            [&](index_t c, int col) { return s_at(e, p, pulls, n + col, c); });
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) mixed[row_of(i)][col_of(j)] = tile[i][j];
    add_product<true, false>(
        by_c, stage, p.rows, [&](int row, index_t j) { return mixed[row][j]; }, [&](index_t j, int col) { return b_at(e, p, xbc, j, n + col); });
    add_product<false, false>(
        by_b, stage, p.rows, [&](int row, index_t i) { return mixed[i][row]; }, [&](index_t i, int col) { return c_at(e, p, xbc, i, n + col); });
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            const index_t row = row_of(i), at = n + col_of(j);
            if (row >= p.rows || at >= state) continue;
            float* to = dxbc + (p.row + row) * p.columns + p.inner + group * state + at;
            accumulate(to, by_b[i][j], beta);
            accumulate(to + groups * state, by_c[i][j], beta);
        }
}
