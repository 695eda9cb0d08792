// Each sequence is cut into chunks, which run side by side. Where there is more than one, a first kernel makes what a chunk does to a state that
// comes in as zero and the sum of its steps Δ: A is constant in time, so what becomes of any other state is e^(A ΣΔ) of it. A second kernel
// carries states over the chunks, a third one walks again with what comes in. Backward does the same from the last step.
//
// A block has 128 threads: CH channels by P lanes, and a thread M states of its channel. B, C, u, Δ and the gates of SUB steps are staged in
// shared memory, so that each is read once for the block, and a softplus or a logistic function is formed once. Sums over states go through
// shuffles; sums over channels (dB, dC) are made in shared memory and leave as one part for each block of channels.
//
// Bound by exponentials (16 a clock and multiprocessor): N + 4 an element in forward, twice N with chunks; 3/2 N + 4 in backward. Bytes an
// element: forward 20 (+ 4 N / 16 for states that are kept), backward 40. On an H200 at N = 16: 5.4 ps forward, of which bytes need 4.2 ps.

#define THREADS 128
// Steps whose states backward holds in registers, and steps between states that forward keeps.
#define SUB 8
#define BLOCK 16

// The operands and extents of a call, and the part of it that is a thread's.
struct Scan {
    index_t time, channels, state, chunk, chunks;
    int lanes;      // P, a power of two
    int width;      // CH = THREADS / P
    int padded;     // P M, the states with what is added up to whole threads
    int lane, own;  // of the thread: its lane in the channel, its channel in the block
    index_t sequence, first, last, tile, channel;
    bool there;
};

template <int M>
__device__ __forceinline__ Scan scan_of(index_t time, index_t channels, index_t state, index_t chunk, index_t chunks, int lanes) {
    Scan s;
    s.time = time, s.channels = channels, s.state = state, s.chunk = chunk, s.chunks = chunks;
    s.lanes = lanes, s.width = THREADS / lanes, s.padded = lanes * M;
    s.lane = threadIdx.x % lanes, s.own = threadIdx.x / lanes;
    s.sequence = blockIdx.x / chunks;
    s.first = blockIdx.x % chunks * chunk;
    s.last = min(s.first + chunk, time);
    s.tile = (index_t)blockIdx.y * s.width;
    s.channel = s.tile + s.own;
    s.there = s.channel < channels;
    return s;
}

__device__ __forceinline__ float softplus(float x) { return fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))); }

// A log2 e of the thread's states; 0 where there are none, whose B and C are 0 as well.
template <int M>
__device__ __forceinline__ void rates_of(const Scan& s, const float* a_log, float (&rates)[M]) {
    for (int i = 0; i < M; i++) {
        const int n = s.lane * M + i;
        rates[i] = s.there && n < s.state ? -expf(a_log[s.channel * s.state + n]) * 1.44269504f : 0.0f;
    }
}

// The sum over the lanes of a channel, in all of them.
__device__ __forceinline__ float over_states(const Scan& s, float value) {
    for (int apart = s.lanes / 2; apart > 0; apart /= 2) value += __shfl_xor_sync(ALL_LANES, value, apart);
    return value;
}

// The place of channel `c` of the block at step `t`, or −1 where there is none.
__device__ __forceinline__ index_t place(const Scan& s, index_t t, int c) {
    return t < s.last && s.tile + c < s.channels ? (s.sequence * s.time + t) * s.channels + s.tile + c : -1;
}

// B or C of steps from `t` on, as [steps, padded]; zeros where there is nothing.
__device__ __forceinline__ void stage_states(const Scan& s, const float* from, index_t t, int steps, float* to) {
    for (int i = threadIdx.x; i < steps * s.padded; i += THREADS) {
        const index_t at = t + i / s.padded;
        const int n = i % s.padded;
        to[i] = at < s.last && n < s.state ? from[(s.sequence * s.time + at) * s.state + n] : 0.0f;
    }
}

// Δ, and Δ u, of steps from `t` on, as [steps, CH].
__device__ __forceinline__ void stage_steps(const Scan& s, const float* u, const float* delta, const float* delta_bias, index_t t, int steps,
                                            float* deltas, float* us) {
    for (int i = threadIdx.x; i < steps * s.width; i += THREADS) {
        const int c = i % s.width;
        const index_t at = place(s, t + i / s.width, c);
        deltas[i] = at < 0 ? 0.0f : softplus(delta[at] + delta_bias[s.tile + c]);
        if (us) us[i] = at < 0 ? 0.0f : u[at];
    }
}

// Where a thread's M states lie in a buffer [rows, C, padded].
template <int M>
__device__ __forceinline__ index_t kept_at(const Scan& s, index_t row) { return (row * s.channels + s.channel) * s.padded + s.lane * M; }

template <int M>
__device__ __forceinline__ void load_states(const float* from, float (&h)[M]) {
    for (int i = 0; i < M; i += 4) {
        const float4 four = load4(from + i);
        h[i] = four.x, h[i + 1] = four.y, h[i + 2] = four.z, h[i + 3] = four.w;
    }
}

template <int M>
__device__ __forceinline__ void store_states(float* to, const float (&h)[M]) {
    for (int i = 0; i < M; i += 4) store4(to + i, make_float4(h[i], h[i + 1], h[i + 2], h[i + 3]));
}

// What each chunk does to a state of zero: `ends` [sequences × chunks, C, padded], and ΣΔ: `sums` [sequences × chunks, C].
template <int M>
__device__ __forceinline__ void ends(const Scan& s, const float* u, const float* delta, const float* a_log, const float* b,
                                     const float* delta_bias, float* to, float* sums) {
    DYNAMIC_SHARED(float, shared);
    float *deltas = shared, *us = deltas + SUB * s.width, *bs = us + SUB * s.width;
    float rates[M], h[M] = {}, sum = 0.0f;
    rates_of(s, a_log, rates);
    for (index_t t = s.first; t < s.last; t += SUB) {
        stage_steps(s, u, delta, delta_bias, t, SUB, deltas, us);
        stage_states(s, b, t, SUB, bs);
        __syncthreads();
        for (int step = 0; step < SUB; step++) {
            const float dt = deltas[step * s.width + s.own], dtu = dt * us[step * s.width + s.own];
            sum += dt;
            for (int i = 0; i < M; i++) h[i] = exp2f(dt * rates[i]) * h[i] + dtu * bs[step * s.padded + s.lane * M + i];
        }
        __syncthreads();
    }
    if (!s.there) return;
    store_states<M>(to + kept_at<M>(s, blockIdx.x), h);
    if (s.lane == 0) sums[(index_t)blockIdx.x * s.channels + s.channel] = sum;
}

// out, with states that come in from `entering` (zeros where there is none), and the states before every BLOCK steps in `kept`.
template <int M>
__device__ __forceinline__ void forward(const Scan& s, const float* u, const float* delta, const float* a_log, const float* b, const float* c,
                                        const float* d, const float* z, const float* delta_bias, const float* entering, float* out,
                                        float* kept) {
    DYNAMIC_SHARED(float, shared);
    float *deltas = shared, *us = deltas + SUB * s.width, *ys = us + SUB * s.width;
    float *bs = ys + SUB * s.width, *cs = bs + SUB * s.padded;
    float rates[M], h[M] = {};
    rates_of(s, a_log, rates);
    if (entering && s.there) load_states<M>(entering + kept_at<M>(s, blockIdx.x), h);
    const index_t blocks = (s.time + BLOCK - 1) / BLOCK;
    for (index_t t = s.first; t < s.last; t += SUB) {
        if (kept && s.there && t % BLOCK == 0) store_states<M>(kept + kept_at<M>(s, s.sequence * blocks + t / BLOCK), h);
        stage_steps(s, u, delta, delta_bias, t, SUB, deltas, us);
        stage_states(s, b, t, SUB, bs);
        stage_states(s, c, t, SUB, cs);
        __syncthreads();
        for (int step = 0; step < SUB; step++) {
            const float dt = deltas[step * s.width + s.own], dtu = dt * us[step * s.width + s.own];
            float y = 0.0f;
            for (int i = 0; i < M; i++) {
                const int n = step * s.padded + s.lane * M + i;
                h[i] = exp2f(dt * rates[i]) * h[i] + dtu * bs[n];
                y += cs[n] * h[i];
            }
            y = over_states(s, y);
            if (s.lane == 0) ys[step * s.width + s.own] = y;
        }
        __syncthreads();
        for (int i = threadIdx.x; i < SUB * s.width; i += THREADS) {
            const int channel = i % s.width;
            const index_t at = place(s, t + i / s.width, channel);
            if (at >= 0) out[at] = (ys[i] + d[s.tile + channel] * us[i]) * z[at] * sigmoid(z[at]);
        }
        __syncthreads();
    }
}

// What each chunk does, backwards, to a gradient of zero: e ← a_t (C_t dy_t + e), from the chunk's last step to its first.
template <int M>
__device__ __forceinline__ void pulls(const Scan& s, const float* delta, const float* a_log, const float* c, const float* z,
                                      const float* delta_bias, const float* dout, float* to, float* sums) {
    DYNAMIC_SHARED(float, shared);
    float *deltas = shared, *dys = deltas + SUB * s.width, *cs = dys + SUB * s.width;
    float rates[M], e[M] = {}, sum = 0.0f;
    rates_of(s, a_log, rates);
    for (index_t t = s.first + (s.last - s.first - 1) / SUB * SUB; t >= s.first; t -= SUB) {
        stage_steps(s, nullptr, delta, delta_bias, t, SUB, deltas, nullptr);
        stage_states(s, c, t, SUB, cs);
        for (int i = threadIdx.x; i < SUB * s.width; i += THREADS) {
            const index_t at = place(s, t + i / s.width, i % s.width);
            dys[i] = at < 0 ? 0.0f : dout[at] * z[at] * sigmoid(z[at]);
        }
        __syncthreads();
        for (int step = SUB - 1; step >= 0; step--) {
            const float dt = deltas[step * s.width + s.own], dy = dys[step * s.width + s.own];
            sum += dt;
            for (int i = 0; i < M; i++) e[i] = exp2f(dt * rates[i]) * (cs[step * s.padded + s.lane * M + i] * dy + e[i]);
        }
        __syncthreads();
    }
    if (!s.there) return;
    store_states<M>(to + kept_at<M>(s, blockIdx.x), e);
    if (s.lane == 0) sums[(index_t)blockIdx.x * s.channels + s.channel] = sum;
}

// The gradients that a call of backward makes; what nobody wants is null.
struct Wanted {
    float *du, *ddelta, *dz;
    float beta_u, beta_delta, beta_z;
    // Parts: dA_log [sequences × chunks, C, N], dB and dC [blocks of channels, B, T, N], dD and dδ_bias [sequences × chunks, C].
    float *da_log, *db, *dc, *dd, *dbias;
};

template <int M>
__device__ __forceinline__ void backward(const Scan& s, const float* u, const float* delta, const float* a_log, const float* b,
                                         const float* c, const float* d, const float* z, const float* delta_bias, const float* kept,
                                         const float* leaving, const float* dout, const Wanted& to) {
    DYNAMIC_SHARED(float, shared);
    const int tile = BLOCK * s.width;
    float *deltas = shared, *us = deltas + tile, *dys = us + tile, *gates = dys + tile;
    float *ss = gates + tile, *qs = ss + tile, *ys = qs + tile;
    float *bs = ys + tile, *cs = bs + BLOCK * s.padded;
    // [SUB, CH, padded] each.
    float *dbs = cs + BLOCK * s.padded, *dcs = dbs + SUB * THREADS * M;
    float rates[M], e[M] = {}, da[M] = {}, dd = 0.0f, dbias = 0.0f;
    rates_of(s, a_log, rates);
    if (leaving && s.there) load_states<M>(leaving + kept_at<M>(s, blockIdx.x), e);
    const index_t blocks = (s.time + BLOCK - 1) / BLOCK;
    // The channel whose elements this thread makes and finishes.
    const int worked = threadIdx.x % s.width;
    const index_t worked_at = s.tile + worked;
    for (index_t t = s.first + (s.last - s.first - 1) / BLOCK * BLOCK; t >= s.first; t -= BLOCK) {
        stage_steps(s, u, delta, delta_bias, t, BLOCK, deltas, us);
        stage_states(s, b, t, BLOCK, bs);
        stage_states(s, c, t, BLOCK, cs);
        for (int i = threadIdx.x; i < tile; i += THREADS) {
            const index_t at = place(s, t + i / s.width, worked);
            const float dy = at < 0 ? 0.0f : dout[at], x = at < 0 ? 0.0f : z[at], gate = sigmoid(x);
            dys[i] = dy * x * gate;
            gates[i] = dy * gate * (1.0f + x * (1.0f - gate));
        }
        __syncthreads();
        float before[M] = {}, middle[M];
        if (s.there) load_states<M>(kept + kept_at<M>(s, s.sequence * blocks + t / BLOCK), before);
        for (int i = 0; i < M; i++) middle[i] = before[i];
        for (int step = 0; step < SUB; step++) {
            const float dt = deltas[step * s.width + s.own], dtu = dt * us[step * s.width + s.own];
            for (int i = 0; i < M; i++) middle[i] = exp2f(dt * rates[i]) * middle[i] + dtu * bs[step * s.padded + s.lane * M + i];
        }
        for (int half = 1; half >= 0; half--) {
            float a[SUB][M], h[SUB + 1][M];
            for (int i = 0; i < M; i++) h[0][i] = half ? middle[i] : before[i];
#pragma unroll
            for (int k = 0; k < SUB; k++) {
                const int step = half * SUB + k;
                const float dt = deltas[step * s.width + s.own], dtu = dt * us[step * s.width + s.own];
                float y = 0.0f;
                for (int i = 0; i < M; i++) {
                    const int n = step * s.padded + s.lane * M + i;
                    a[k][i] = exp2f(dt * rates[i]);
                    h[k + 1][i] = a[k][i] * h[k][i] + dtu * bs[n];
                    y += cs[n] * h[k + 1][i];
                }
                y = over_states(s, y);
                if (s.lane == 0) ys[step * s.width + s.own] = y;
            }
#pragma unroll
            for (int k = SUB - 1; k >= 0; k--) {
                const int step = half * SUB + k, at = step * s.width + s.own;
                const float dt = deltas[at], dtu = dt * us[at], dy = dys[at];
                float sum = 0.0f, of_rates = 0.0f;
                for (int i = 0; i < M; i++) {
                    const int n = step * s.padded + s.lane * M + i, mine = (k * s.width + s.own) * s.padded + s.lane * M + i;
                    const float g = cs[n] * dy + e[i], w = g * a[k][i] * h[k][i];
                    sum += g * bs[n];
                    of_rates += rates[i] * w;
                    da[i] += dt * w;
                    dbs[mine] = g * dtu;
                    dcs[mine] = dy * h[k + 1][i];
                    e[i] = a[k][i] * g;
                }
                sum = over_states(s, sum);
                of_rates = over_states(s, of_rates);
                if (s.lane == 0) ss[at] = sum, qs[at] = of_rates * 0.69314718f;
            }
            __syncthreads();
            for (int i = threadIdx.x; i < SUB * s.padded; i += THREADS) {
                const index_t at = t + half * SUB + i / s.padded;
                const int n = i % s.padded;
                if (at >= s.last || n >= s.state) continue;
                const index_t row = ((index_t)blockIdx.y * (gridDim.x / s.chunks) + s.sequence) * s.time + at;
                const float* first = dbs + i / s.padded * s.width * s.padded + n;
                float db = 0.0f, dc = 0.0f;
                for (int k = 0; k < s.width; k++) {
                    db += first[k * s.padded];
                    dc += first[k * s.padded + SUB * THREADS * M];
                }
                if (to.db) to.db[row * s.state + n] = db;
                if (to.dc) to.dc[row * s.state + n] = dc;
            }
            __syncthreads();
        }
        for (int i = threadIdx.x; i < tile; i += THREADS) {
            const index_t at = place(s, t + i / s.width, worked);
            if (at < 0) continue;
            const float skip = d[worked_at], dt = deltas[i];
            // σ(x) = 1 − e^(−softplus(x))
            const float slope = (us[i] * ss[i] + qs[i]) * -expm1f(-dt);
            if (to.du) accumulate(to.du + at, dt * ss[i] + skip * dys[i], to.beta_u);
            if (to.ddelta) accumulate(to.ddelta + at, slope, to.beta_delta);
            if (to.dz) accumulate(to.dz + at, gates[i] * (ys[i] + skip * us[i]), to.beta_z);
            dd += dys[i] * us[i];
            dbias += slope;
        }
        __syncthreads();
    }
    // The threads that worked for one channel add up in their order.
    dbs[threadIdx.x] = dd;
    dcs[threadIdx.x] = dbias;
    __syncthreads();
    const index_t row = (index_t)blockIdx.x * s.channels;
    if (threadIdx.x < s.width && worked_at < s.channels) {
        for (int i = worked + s.width; i < THREADS; i += s.width) {
            dd += dbs[i];
            dbias += dcs[i];
        }
        to.dd[row + worked_at] = dd;
        to.dbias[row + worked_at] = dbias;
    }
    for (int i = 0; i < M; i++) {
        const int n = s.lane * M + i;
        if (s.there && n < s.state) to.da_log[(row + s.channel) * s.state + n] = rates[i] * 0.69314718f * da[i];
    }
}

// In place: what each chunk makes of zero becomes what comes into it, from the first chunk on or from the last; a thread for each state.
extern "C" __global__ void selective_scan_carry(const float* a_log, const float* sums, float* states, index_t sequences, index_t chunks,
                                                index_t channels, index_t state, index_t padded, int backwards) {
    const index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= sequences * channels * padded) return;
    const index_t n = i % padded, channel = i / padded % channels, sequence = i / padded / channels;
    const float rate = n < state ? -expf(a_log[channel * state + n]) * 1.44269504f : 0.0f;
    float carried = 0.0f;
    for (index_t k = 0; k < chunks; k++) {
        const index_t row = (sequence * chunks + (backwards ? chunks - 1 - k : k)) * channels + channel;
        const float made = states[row * padded + n];
        states[row * padded + n] = carried;
        carried = exp2f(rate * sums[row]) * carried + made;
    }
}

extern "C" __global__ void __launch_bounds__(THREADS) selective_scan_ends(const float* u, const float* delta, const float* a_log, const float* b,
                                                                          const float* delta_bias, float* states, float* sums, index_t time,
                                                                          index_t channels, index_t state, index_t chunk, index_t chunks,
                                                                          int lanes, int each) {
    if (each == 4) ends<4>(scan_of<4>(time, channels, state, chunk, chunks, lanes), u, delta, a_log, b, delta_bias, states, sums);
    if (each == 8) ends<8>(scan_of<8>(time, channels, state, chunk, chunks, lanes), u, delta, a_log, b, delta_bias, states, sums);
}

extern "C" __global__ void __launch_bounds__(THREADS) selective_scan_forward(const float* u, const float* delta, const float* a_log,
                                                                             const float* b, const float* c, const float* d, const float* z,
                                                                             const float* delta_bias, const float* entering, float* out,
                                                                             float* kept, index_t time, index_t channels, index_t state,
                                                                             index_t chunk, index_t chunks, int lanes, int each) {
    if (each == 4)
        forward<4>(scan_of<4>(time, channels, state, chunk, chunks, lanes), u, delta, a_log, b, c, d, z, delta_bias, entering, out, kept);
    if (each == 8)
        forward<8>(scan_of<8>(time, channels, state, chunk, chunks, lanes), u, delta, a_log, b, c, d, z, delta_bias, entering, out, kept);
}

extern "C" __global__ void __launch_bounds__(THREADS) selective_scan_pulls(const float* delta, const float* a_log, const float* c,
                                                                           const float* z, const float* delta_bias, const float* dout,
                                                                           float* states, float* sums, index_t time, index_t channels,
                                                                           index_t state, index_t chunk, index_t chunks, int lanes, int each) {
    if (each == 4) pulls<4>(scan_of<4>(time, channels, state, chunk, chunks, lanes), delta, a_log, c, z, delta_bias, dout, states, sums);
    if (each == 8) pulls<8>(scan_of<8>(time, channels, state, chunk, chunks, lanes), delta, a_log, c, z, delta_bias, dout, states, sums);
}

extern "C" __global__ void __launch_bounds__(THREADS)
selective_scan_backward(const float* u, const float* delta, const float* a_log, const float* b, const float* c, const float* d,
                        const float* z, const float* delta_bias, const float* kept, const float* leaving, const float* dout, float* du,
                        float* ddelta, float* dz, float beta_u, float beta_delta, float beta_z, float* da_log, float* db, float* dc,
                        float* dd, float* dbias, index_t time, index_t channels, index_t state, index_t chunk, index_t chunks, int lanes,
                        int each) {
    const Wanted to = {du, ddelta, dz, beta_u, beta_delta, beta_z, da_log, db, dc, dd, dbias};
    if (each == 4)
        backward<4>(scan_of<4>(time, channels, state, chunk, chunks, lanes), u, delta, a_log, b, c, d, z, delta_bias, kept, leaving, dout, to);
    if (each == 8)
        backward<8>(scan_of<8>(time, channels, state, chunk, chunks, lanes), u, delta, a_log, b, c, d, z, delta_bias, kept, leaving, dout, to);
}
