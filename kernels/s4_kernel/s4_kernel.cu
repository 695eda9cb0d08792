// S4's kernel, as cpu/ has it: the sums at the nodes in f32 from poles made ready in f64, gradients of poles added up in f64. The transform of a period,
// which is any even number, is one of half as many complex numbers, and that a convolution with a chirp (Bluestein), of 2^n values (fft.cuh):
// jm = (j² + m² − (m − j)²) / 2.
//
// Bound by arithmetic: about 27 instructions for each node and pair forward, 80 backward. Bytes are few: 8 a node forward; backward 36 written and, for each
// PAIRS pairs, read out of the L2 cache.

// Threads of a block over nodes, nodes of a thread, poles that a block stages at once.
#define THREADS 128
#define NODES 4
#define STAGED 64
// Pairs that a block takes over all nodes backward.
#define PAIRS 4
// Values of a pole made ready: |a|, 2 Re a, two of nothing, α and β of the four sums.
#define POLE 12
// Values of a node backward: the cotangents of the four sums, and its part of the derivative by dt.
#define COTANGENTS 9
// Sums over nodes of one pole: by ρ², κ, α and β.
#define SUMS 10
// Values that backward keeps of a row and pair: the derivatives by dt, w, B, C̃ and P.
#define PULLED 9

#define EXTENTS index_t channels, int log_rows, int log_len, int log_channels, int log_columns
#define TILE tile_of_block(channels, log_rows, log_len, log_channels, log_columns)
#define PARAMETERS const float *log_dt, const float *log_w_real, const float *w_imag, const float *p, const float *b, const float *c
#define STATE_OF(row, n) state_of(log_dt, log_w_real, w_imag, p, b, c, heads, groups, pairs, row, n)

__device__ __forceinline__ Complex complex_at(const float* values, index_t at) { return {values[2 * at], values[2 * at + 1]}; }

// One of a pair of states, and its step.
struct State {
    double dt;
    Complex w, p, b, c;
};

__device__ __forceinline__ State state_of(PARAMETERS, index_t heads, index_t groups, index_t pairs, index_t row, index_t n) {
    const index_t head = row % heads, pole = (groups == 1 ? 0 : head * pairs) + n;
    const Complex w = {-exp((double)log_w_real[pole]), w_imag[pole]};
    return {exp((double)log_dt[head]), w, complex_at(p, pole), complex_at(b, pole), complex_at(c, row * pairs + n)};
}

// The numerators of a state in the four sums.
__device__ __forceinline__ void numerators(const State& state, Complex (&v)[4]) {
    v[0] = state.b * state.c;
    v[1] = state.b * conjugate(state.p);
    v[2] = state.p * state.c;
    v[3] = {state.p.re * state.p.re + state.p.im * state.p.im, 0.0};
}

// poles [rows, pairs, POLE]. A thread has a row's pair.
extern "C" __global__ void s4_kernel_poles(PARAMETERS, float* poles, index_t heads, index_t groups, index_t pairs, index_t all) {
    const index_t index = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= all) return;
    const State state = STATE_OF(index / pairs, index % pairs);
    const Complex a = state.dt * state.w;
    Complex v[4];
    numerators(state, v);
    float* to = poles + POLE * index;
    to[0] = (float)sqrt(a.re * a.re + a.im * a.im);
    to[1] = (float)(2.0 * a.re);
    to[2] = to[3] = 0.0f;
    for (int s = 0; s < 4; s++) {
        to[4 + s] = (float)(-2.0 * (v[s].re * a.re + v[s].im * a.im));
        to[8 + s] = (float)(2.0 * v[s].re);
    }
}

// ends [rows, 2]: dt, and K where y is infinite. A warp has a row.
extern "C" __global__ void s4_kernel_ends(const float* log_dt, const float* b, const float* c, float* ends, index_t heads, index_t groups, index_t pairs,
                                          index_t rows) {
    const index_t row = ((index_t)blockIdx.x * blockDim.x + threadIdx.x) / WARP, head = row % heads;
    if (row >= rows) return;
    double sum = 0.0;
    for (index_t n = threadIdx.x % WARP; n < pairs; n += WARP)
        sum += (complex_at(b, (groups == 1 ? 0 : head * pairs) + n) * complex_at(c, row * pairs + n)).re;
    sum = warp_sum_of_doubles(sum);
    if (threadIdx.x % WARP != 0) return;
    const double dt = exp((double)log_dt[head]);
    ends[2 * row] = (float)dt;
    ends[2 * row + 1] = (float)(dt * sum);
}

// The nodes y_j = 2 tan(πj / 2M), the chirp e^(πi j² / M) and the turns e^(πi j / M), j < M.
extern "C" __global__ void s4_kernel_tables(float* y, float2* chirp, float2* turns, index_t half) {
    const index_t j = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= half) return;
    const double step = 3.14159265358979323846 / (double)half;
    double sine, cosine;
    y[j] = (float)(2.0 * tan(0.5 * step * (double)j));
    sincos(step * (double)(j * j % (2 * half)), &sine, &cosine);
    chirp[j] = make_float2((float)cosine, (float)sine);
    sincos(step * (double)j, &sine, &cosine);
    turns[j] = make_float2((float)cosine, (float)sine);
}

// packed [1, 2^n] of what a chirp is divided by, from −(M − 1) to M − 1.
extern "C" __global__ void __launch_bounds__(256) s4_kernel_chirp(const float2* chirp, float2* packed, index_t half, EXTENTS) {
    const index_t period = (index_t)1 << (log_rows + log_len);
    transform_columns(TILE, packed, [=](index_t, index_t, index_t at) {
        const index_t away = min(at, period - at);
        return away < half ? conjugate(chirp[away]) : make_float2(0.0f, 0.0f);
    });
}

// 1 / ((ρ² − y²) − i y κ).
__device__ __forceinline__ float2 quotient(float rho, float kappa, float y) {
    // As a product of two differences it keeps its precision near the resonance y = ρ.
    const float re = (rho - y) * (rho + y), im = y * kappa, scale = __fdividef(1.0f, fmaf(re, re, im * im));
    return make_float2(re * scale, im * scale);
}

// The four sums over a row's poles at the nodes of a thread. All threads of the block must call it.
__device__ __forceinline__ void sums_at(const float* poles, index_t pairs, const float (&y)[NODES], float2 (&sums)[NODES][4]) {
    __shared__ float4 staged[3 * STAGED];
#pragma unroll
    for (int k = 0; k < NODES; k++)
#pragma unroll
        for (int s = 0; s < 4; s++) sums[k][s] = make_float2(0.0f, 0.0f);
    for (index_t from = 0; from < pairs; from += STAGED) {
        const int count = (int)min((index_t)STAGED, pairs - from);
        __syncthreads();
        for (int i = threadIdx.x; i < 3 * count; i += THREADS) staged[i] = load4(poles + POLE * from + 4 * i);
        __syncthreads();
        for (int n = 0; n < count; n++) {
            const float4 pole = staged[3 * n], a = staged[3 * n + 1], b = staged[3 * n + 2];
            const float alpha[4] = {a.x, a.y, a.z, a.w}, beta[4] = {b.x, b.y, b.z, b.w};
#pragma unroll
            for (int k = 0; k < NODES; k++) {
                const float2 q = quotient(pole.x, pole.y, y[k]), yq = scaled(q, y[k]);
#pragma unroll
                for (int s = 0; s < 4; s++) {
                    sums[k][s].x = fmaf(alpha[s], q.x, fmaf(-beta[s], yq.y, sums[k][s].x));
                    sums[k][s].y = fmaf(alpha[s], q.y, fmaf(beta[s], yq.x, sums[k][s].y));
                }
            }
        }
    }
}

// The nodes of a thread; those behind the last are the last once more.
__device__ __forceinline__ void nodes_of(const float* y, index_t first, index_t half, float (&at)[NODES]) {
#pragma unroll
    for (int k = 0; k < NODES; k++) at[k] = y[min(first + k * THREADS + threadIdx.x, half - 1)];
}

// K from the four sums at node y.
__device__ __forceinline__ float2 combined(const float2 (&r)[4], float y, float dt) {
    const float2 delta = make_float2(fmaf(dt, r[3].x, 1.0f), dt * r[3].y);
    const float scale = dt * dt / fmaf(delta.x, delta.x, delta.y * delta.y);
    const float2 sum = minus(scaled(r[0], dt), scaled(times(times(r[1], r[2]), conjugate(delta)), scale));
    return times(make_float2(1.0f, 0.5f * y), sum);
}

// spectrum [rows, M + 1]: K at all nodes, the infinite one last. A block has THREADS NODES nodes of a row, of which there are `tiles`.
extern "C" __global__ void __launch_bounds__(128)
    s4_kernel_respond(const float* poles, const float* ends, const float* y, float2* spectrum, index_t pairs, index_t half, index_t tiles) {
    const index_t row = blockIdx.x / tiles, first = blockIdx.x % tiles * (THREADS * NODES);
    float at[NODES];
    float2 sums[NODES][4];
    nodes_of(y, first, half, at);
    sums_at(poles + POLE * row * pairs, pairs, at, sums);
    spectrum += row * (half + 1);
#pragma unroll
    for (int k = 0; k < NODES; k++) {
        const index_t j = first + k * THREADS + threadIdx.x;
        if (j < half) spectrum[j] = combined(sums[k], at[k], ends[2 * row]);
    }
    if (first == 0 && threadIdx.x == 0) spectrum[half] = make_float2(ends[2 * row + 1], 0.0f);
}

// packed [rows, 2^n]: the spectrum of real samples as that of pairs of them, times the chirp.
extern "C" __global__ void __launch_bounds__(256)
    s4_kernel_pack(const float2* spectrum, const float2* chirp, const float2* turns, float2* packed, index_t half, EXTENTS) {
    transform_columns(TILE, packed, [=](index_t, index_t row, index_t j) {
        if (j >= half) return make_float2(0.0f, 0.0f);
        const float2* own = spectrum + row * (half + 1);
        // The first is real but for rounding.
        const float2 here = make_float2(own[j].x, j == 0 ? 0.0f : own[j].y), mirror = conjugate(own[half - j]);
        const float2 even = plus(here, mirror), odd = times(turns[j], minus(here, mirror));
        return times(make_float2(even.x - odd.y, even.y + odd.x), chirp[j]);
    });
}

// k [rows, len] out of what is packed, times `scale`.
extern "C" __global__ void __launch_bounds__(256)
    s4_kernel_unpack(const float2* packed, const float2* chirp, float* k, float scale, index_t half, index_t len, EXTENTS) {
    columns_back(TILE, packed, [=](index_t, index_t row, index_t m, float2 value) {
        if (m >= half) return;
        const float2 samples = scaled(times(value, chirp[m]), scale);
        if (2 * m < len) k[row * len + 2 * m] = samples.x;
        if (2 * m + 1 < len) k[row * len + 2 * m + 1] = samples.y;
    });
}

// packed [rows, 2^n]: pairs of dk [rows, len], conjugated, times the chirp.
extern "C" __global__ void __launch_bounds__(256)
    s4_kernel_pack_gradient(const float* dk, const float2* chirp, float2* packed, index_t half, index_t len, EXTENTS) {
    transform_columns(TILE, packed, [=](index_t, index_t row, index_t m) {
        if (m >= half) return make_float2(0.0f, 0.0f);
        const float first = 2 * m < len ? dk[row * len + 2 * m] : 0.0f, second = 2 * m + 1 < len ? dk[row * len + 2 * m + 1] : 0.0f;
        return times(make_float2(first, -second), chirp[m]);
    });
}

// z [rows, M]: the transform of the pairs.
extern "C" __global__ void __launch_bounds__(256) s4_kernel_unpack_gradient(const float2* packed, const float2* chirp, float2* z, index_t half, EXTENTS) {
    columns_back(TILE, packed, [=](index_t, index_t row, index_t j, float2 value) {
        if (j < half) z[row * half + j] = conjugate(times(value, chirp[j]));
    });
}

// cotangents [rows, COTANGENTS, M]: from K's at the nodes, which z makes up, to those of the four sums. Blocks as of `respond`.
extern "C" __global__ void __launch_bounds__(128)
    s4_kernel_separate(const float* poles, const float* ends, const float* y, const float2* turns, const float2* z, float* cotangents, index_t pairs,
                       index_t half, index_t tiles) {
    const index_t row = blockIdx.x / tiles, first = blockIdx.x % tiles * (THREADS * NODES);
    const float dt = ends[2 * row];
    float at[NODES];
    float2 sums[NODES][4];
    nodes_of(y, first, half, at);
    sums_at(poles + POLE * row * pairs, pairs, at, sums);
    z += row * half;
    cotangents += COTANGENTS * row * half;
#pragma unroll
    for (int k = 0; k < NODES; k++) {
        const index_t j = first + k * THREADS + threadIdx.x;
        if (j >= half) continue;
        const float2 here = z[j], mirror = conjugate(z[j == 0 ? 0 : half - j]), apart = minus(here, mirror);
        const float2 odd = times(conjugate(turns[j]), make_float2(apart.y, -apart.x));
        // Each inner frequency stands for its mirror image, too.
        const float2 dk = scaled(plus(plus(here, mirror), odd), (j == 0 ? 0.25f : 0.5f) / (float)half);
        const float2(&r)[4] = sums[k];
        const float2 delta = make_float2(fmaf(dt, r[3].x, 1.0f), dt * r[3].y);
        const float scale = dt / fmaf(delta.x, delta.x, delta.y * delta.y);
        // r01 / (1 + r11) and r10 / (1 + r11).
        const float2 left = scaled(times(conjugate(delta), r[1]), scale), right = scaled(times(conjugate(delta), r[2]), scale);
        const float2 g = times(make_float2(1.0f, -0.5f * at[k]), dk);
        const float2 each[4] = {g, scaled(times(conjugate(right), g), -1.0f), scaled(times(conjugate(left), g), -1.0f),
                                times(conjugate(times(left, right)), g)};
        float by_dt = 0.0f;
#pragma unroll
        for (int s = 0; s < 4; s++) {
            by_dt += fmaf(each[s].x, r[s].x, each[s].y * r[s].y);
            cotangents[2 * s * half + j] = dt * each[s].x;
            cotangents[(2 * s + 1) * half + j] = dt * each[s].y;
        }
        cotangents[8 * half + j] = by_dt;
    }
}

// What node y, whose cotangents are `g`, adds to the sums of a pole: cpu/terms.rs.
__device__ __forceinline__ void add_node(const float4 (&pole)[3], float y, const float2 (&g)[4], float (&sums)[SUMS]) {
    const float2 q = quotient(pole[0].x, pole[0].y, y), yq = scaled(q, y);
    const float alpha[4] = {pole[1].x, pole[1].y, pole[1].z, pole[1].w}, beta[4] = {pole[2].x, pole[2].y, pole[2].z, pole[2].w};
    float2 plain = make_float2(0.0f, 0.0f), turned = make_float2(0.0f, 0.0f);
#pragma unroll
    for (int s = 0; s < 4; s++) {
        sums[2 + s] = fmaf(g[s].x, q.x, fmaf(g[s].y, q.y, sums[2 + s]));
        sums[6 + s] = fmaf(g[s].y, yq.x, fmaf(-g[s].x, yq.y, sums[6 + s]));
        plain = make_float2(fmaf(alpha[s], g[s].x, plain.x), fmaf(alpha[s], g[s].y, plain.y));
        turned = make_float2(fmaf(beta[s], g[s].x, turned.x), fmaf(beta[s], g[s].y, turned.y));
    }
    const float2 w = make_float2(fmaf(y, turned.y, plain.x), fmaf(y, turned.x, -plain.y)), square = times(q, q);
    sums[0] += fmaf(w.y, square.y, -(w.x * square.x));
    sums[1] = fmaf(-y, fmaf(w.x, square.y, w.y * square.x), sums[1]);
}

// The derivatives of a row's state from the sums of its pole; complex ones stand for ∂/∂Re + i ∂/∂Im: cpu/pulled.rs.
__device__ __forceinline__ void pull_state(const State& state, const double* sums, double at_infinity, double by_dt, double* to) {
    const Complex a = state.dt * state.w;
    Complex v[4], by_v[4], by_a = {2.0 * sums[0] * a.re + 2.0 * sums[1], 2.0 * sums[0] * a.im};
    numerators(state, v);
    for (int s = 0; s < 4; s++) {
        by_a = by_a - (2.0 * sums[2 + s]) * v[s];
        by_v[s] = Complex{2.0 * sums[6 + s], 0.0} - (2.0 * sums[2 + s]) * a;
    }
    // At infinity K is dt Σ Re v.
    by_v[0].re += state.dt * at_infinity;
    const Complex by_w = state.dt * by_a, by_b = conjugate(state.c) * by_v[0] + state.p * by_v[1];
    const Complex by_c = conjugate(state.b) * by_v[0] + conjugate(state.p) * by_v[2];
    const Complex by_p = state.b * conjugate(by_v[1]) + conjugate(state.c) * by_v[2] + (2.0 * by_v[3].re) * state.p;
    to[0] = by_dt + at_infinity * v[0].re + (conjugate(by_a) * state.w).re;
    to[1] = by_w.re, to[2] = by_w.im;
    to[3] = by_b.re, to[4] = by_b.im;
    to[5] = by_c.re, to[6] = by_c.im;
    to[7] = by_p.re, to[8] = by_p.im;
}

// pulled [all rows, pairs, PULLED] of double, from `first` on. Poles, z and cotangents are of these rows alone. A block has PAIRS pairs of a row, along y.
extern "C" __global__ void __launch_bounds__(128)
    s4_kernel_pull(PARAMETERS, const float* poles, const float* y, const float2* z, const float* cotangents, double* pulled, index_t first, index_t heads,
                   index_t groups, index_t pairs, index_t half) {
    __shared__ double of_warps[PAIRS * SUMS + 1][THREADS / WARP];
    const index_t row = blockIdx.x, pair = (index_t)blockIdx.y * PAIRS;
    const int t = threadIdx.x, count = (int)min((index_t)PAIRS, pairs - pair);
    float4 staged[PAIRS][3];
    float sums[PAIRS][SUMS];
#pragma unroll
    for (int n = 0; n < PAIRS; n++) {
        const float* pole = poles + POLE * (row * pairs + pair + min(n, count - 1));
#pragma unroll
        for (int i = 0; i < 3; i++) staged[n][i] = load4(pole + 4 * i);
#pragma unroll
        for (int i = 0; i < SUMS; i++) sums[n][i] = 0.0f;
    }
    cotangents += COTANGENTS * row * half;
    double by_dt = 0.0;
    for (index_t j = t; j < half; j += THREADS) {
        float2 g[4];
#pragma unroll
        for (int s = 0; s < 4; s++) g[s] = make_float2(cotangents[2 * s * half + j], cotangents[(2 * s + 1) * half + j]);
        const float at = y[j];
#pragma unroll
        for (int n = 0; n < PAIRS; n++) add_node(staged[n], at, g, sums[n]);
        if (pair == 0) by_dt += cotangents[8 * half + j];
    }
#pragma unroll
    for (int n = 0; n < PAIRS; n++)
#pragma unroll
        for (int i = 0; i < SUMS; i++) {
            const double sum = warp_sum_of_doubles(sums[n][i]);
            if (t % WARP == 0) of_warps[n * SUMS + i][t / WARP] = sum;
        }
    by_dt = warp_sum_of_doubles(by_dt);
    if (t % WARP == 0) of_warps[PAIRS * SUMS][t / WARP] = by_dt;
    __syncthreads();
    if (t >= count) return;
    double totals[SUMS], of_row = 0.0;
    for (int i = 0; i < SUMS; i++) {
        totals[i] = 0.0;
        for (int warp = 0; warp < THREADS / WARP; warp++) totals[i] += of_warps[t * SUMS + i][warp];
    }
    if (t == 0)
        for (int warp = 0; warp < THREADS / WARP; warp++) of_row += of_warps[PAIRS * SUMS][warp];
    const float2 constant = z[row * half];
    const double at_infinity = ((double)constant.x - constant.y) / (double)(2 * half);
    const index_t own = first + row;
    pull_state(STATE_OF(own, pair + t), totals, at_infinity, of_row, pulled + PULLED * (own * pairs + pair + t));
}

// dlog_dt [heads] = beta dlog_dt + the sums over its rows and pairs, times dt. A warp has a head.
extern "C" __global__ void s4_kernel_by_dt(const float* log_dt, const double* pulled, float* dlog_dt, float beta, index_t heads, index_t pairs,
                                           index_t responses) {
    const index_t head = ((index_t)blockIdx.x * blockDim.x + threadIdx.x) / WARP;
    if (head >= heads) return;
    double sum = 0.0;
    for (index_t i = threadIdx.x % WARP; i < responses * pairs; i += WARP) sum += pulled[PULLED * ((i / pairs * heads + head) * pairs + i % pairs)];
    sum = warp_sum_of_doubles(sum);
    if (threadIdx.x % WARP == 0) accumulate(dlog_dt + head, (float)(sum * exp((double)log_dt[head])), beta);
}

// to [groups, pairs, width] = beta to + value `at` and its neighbour, summed over the rows of its group; times Re w where there is its logarithm. A warp
// has a value.
extern "C" __global__ void s4_kernel_by_poles(const double* pulled, const float* log_w_real, float* to, float beta, int at, int width, index_t heads,
                                              index_t groups, index_t pairs, index_t rows) {
    const index_t index = ((index_t)blockIdx.x * blockDim.x + threadIdx.x) / WARP, pole = index / width;
    if (pole >= groups * pairs) return;
    const index_t from = groups == 1 ? 0 : pole / pairs, apart = groups == 1 ? 1 : heads, n = pole % pairs;
    double sum = 0.0;
    for (index_t row = from + threadIdx.x % WARP * apart; row < rows; row += WARP * apart) sum += pulled[PULLED * (row * pairs + n) + at + index % width];
    sum = warp_sum_of_doubles(sum);
    if (threadIdx.x % WARP == 0) accumulate(to + index, (float)(log_w_real ? -sum * exp((double)log_w_real[pole]) : sum), beta);
}

// dc [rows, pairs, 2]: a thread has a value.
extern "C" __global__ void s4_kernel_by_c(const double* pulled, float* dc, float beta, index_t len) {
    const index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < len) accumulate(dc + i, (float)pulled[PULLED * (i / 2) + 5 + i % 2], beta);
}
