// A thread walks through a run of time with one channel, or with four beside each other, and holds what the W taps see in registers.
// Forward moves 8 bytes an element, backward 12 (16 where it adds): bound by memory. A run reads W − 1 rows of its neighbours again.

template <int EACH>
__device__ __forceinline__ void read(const float* from, float (&values)[EACH]) {
    if (EACH == 4) {
        const float4 four = load4(from);
        values[0] = four.x, values[1 % EACH] = four.y, values[2 % EACH] = four.z, values[3 % EACH] = four.w;
    } else {
        values[0] = from[0];
    }
}

template <int EACH>
__device__ __forceinline__ void write(float* to, const float (&values)[EACH]) {
    if (EACH == 4)
        store4(to, make_float4(values[0], values[1 % EACH], values[2 % EACH], values[3 % EACH]));
    else
        to[0] = values[0];
}

// Where a thread works: its first channel, its sequence, and its run of time.
struct Place {
    index_t channel, first, last, row;
    bool there;
};

template <int EACH>
__device__ __forceinline__ Place place(index_t time, index_t channels, index_t run, index_t runs) {
    Place at;
    at.channel = EACH * ((index_t)blockIdx.y * blockDim.x + threadIdx.x);
    const index_t sequence = blockIdx.x / runs;
    at.first = blockIdx.x % runs * run;
    at.last = min(at.first + run, time);
    at.row = sequence * time;
    at.there = at.channel < channels;
    return at;
}

// The taps of the channels of a thread, and what they see: the last value is the newest.
template <int W, int EACH>
struct Walk {
    float taps[W][EACH], bias[EACH], seen[W][EACH];
};

template <int W, int EACH>
__device__ __forceinline__ void begin(Walk<W, EACH>& walk, const float* x, const float* weight, const float* bias, const Place& at,
                                      index_t channels) {
    for (int e = 0; e < EACH; e++) {
        walk.bias[e] = bias[at.channel + e];
        for (int k = 0; k < W; k++) walk.taps[k][e] = weight[(at.channel + e) * W + k];
    }
    for (int k = 1; k < W; k++) {
        const index_t t = at.first + k - W;
        for (int e = 0; e < EACH; e++) walk.seen[k][e] = 0.0f;
        if (t >= 0) read<EACH>(x + (at.row + t) * channels + at.channel, walk.seen[k]);
    }
}

template <int W, int EACH>
__device__ __forceinline__ void push(float (&seen)[W][EACH], const float (&values)[EACH]) {
    for (int e = 0; e < EACH; e++) {
        for (int k = 0; k + 1 < W; k++) seen[k][e] = seen[k + 1][e];
        seen[W - 1][e] = values[e];
    }
}

template <int W, int EACH>
__device__ __forceinline__ float convolved(const Walk<W, EACH>& walk, int e) {
    float sum = walk.bias[e];
    for (int k = 0; k < W; k++) sum = fmaf(walk.taps[k][e], walk.seen[k][e], sum);
    return sum;
}

template <int W, int EACH>
__device__ __forceinline__ void forward(const float* __restrict__ x, const float* __restrict__ weight, const float* __restrict__ bias,
                                        float* __restrict__ out, index_t time, index_t channels, index_t run, index_t runs, bool silu) {
    const Place at = place<EACH>(time, channels, run, runs);
    if (!at.there) return;
    Walk<W, EACH> walk;
    begin(walk, x, weight, bias, at, channels);
#pragma unroll 4
    for (index_t t = at.first; t < at.last; t++) {
        const index_t i = (at.row + t) * channels + at.channel;
        float values[EACH];
        read<EACH>(x + i, values);
        push(walk.seen, values);
        for (int e = 0; e < EACH; e++) {
            const float v = convolved(walk, e);
            values[e] = silu ? v * sigmoid(v) : v;
        }
        write<EACH>(out + i, values);
    }
}

// dx of a run, and the run's share of dw [C, W] and dbias [C]. The run goes W − 1 steps further, for the outputs that see its last samples.
template <int W, int EACH>
__device__ __forceinline__ void backward(const float* __restrict__ x, const float* __restrict__ weight, const float* __restrict__ bias,
                                         const float* __restrict__ dout, float* __restrict__ dx, float* __restrict__ dweights,
                                         float* __restrict__ dbiases, float beta, index_t time, index_t channels, index_t run,
                                         index_t runs, bool silu) {
    const Place at = place<EACH>(time, channels, run, runs);
    if (!at.there) return;
    Walk<W, EACH> walk;
    begin(walk, x, weight, bias, at, channels);
    float dtaps[W][EACH] = {}, dbias[EACH] = {}, q[W][EACH] = {};
#pragma unroll 2
    for (index_t t = at.first; t < at.last + W - 1; t++) {
        const index_t i = (at.row + t) * channels + at.channel;
        float values[EACH] = {}, slope[EACH] = {};
        if (t < time) {
            read<EACH>(x + i, values);
            read<EACH>(dout + i, slope);
        }
        push(walk.seen, values);
        for (int e = 0; e < EACH; e++) {
            if (silu) {
                const float v = convolved(walk, e), s = sigmoid(v);
                slope[e] *= s * (1.0f + v * (1.0f - s));
            }
            if (t < at.last) {
                dbias[e] += slope[e];
                for (int k = 0; k < W; k++) dtaps[k][e] = fmaf(slope[e], walk.seen[k][e], dtaps[k][e]);
            }
        }
        push(q, slope);
        const index_t target = t - (W - 1);
        if (dx && target >= at.first) {
            float sums[EACH], before[EACH] = {};
            float* to = dx + (at.row + target) * channels + at.channel;
            if (beta != 0.0f) read<EACH>(to, before);
            for (int e = 0; e < EACH; e++) {
                float sum = 0.0f;
                for (int k = 0; k < W; k++) sum = fmaf(walk.taps[k][e], q[W - 1 - k][e], sum);
                sums[e] = before[e] + sum;
            }
            write<EACH>(to, sums);
        }
    }
    for (int e = 0; e < EACH; e++) {
        const index_t c = blockIdx.x * channels + at.channel + e;
        dbiases[c] = dbias[e];
        for (int k = 0; k < W; k++) dweights[c * W + k] = dtaps[k][e];
    }
}

extern "C" __global__ void causal_conv1d_forward(const float* x, const float* weight, const float* bias, float* out, index_t time,
                                                 index_t channels, index_t run, index_t runs, int taps, int each, int silu) {
    if (each == 4) {
        if (taps == 2) forward<2, 4>(x, weight, bias, out, time, channels, run, runs, silu);
        if (taps == 3) forward<3, 4>(x, weight, bias, out, time, channels, run, runs, silu);
        if (taps == 4) forward<4, 4>(x, weight, bias, out, time, channels, run, runs, silu);
    } else {
        if (taps == 2) forward<2, 1>(x, weight, bias, out, time, channels, run, runs, silu);
        if (taps == 3) forward<3, 1>(x, weight, bias, out, time, channels, run, runs, silu);
        if (taps == 4) forward<4, 1>(x, weight, bias, out, time, channels, run, runs, silu);
    }
}

extern "C" __global__ void causal_conv1d_backward(const float* x, const float* weight, const float* bias, const float* dout, float* dx,
                                                  float* dweights, float* dbiases, float beta, index_t time, index_t channels, index_t run,
                                                  index_t runs, int taps, int each, int silu) {
    if (each == 4) {
        if (taps == 2) backward<2, 4>(x, weight, bias, dout, dx, dweights, dbiases, beta, time, channels, run, runs, silu);
        if (taps == 3) backward<3, 4>(x, weight, bias, dout, dx, dweights, dbiases, beta, time, channels, run, runs, silu);
        if (taps == 4) backward<4, 4>(x, weight, bias, dout, dx, dweights, dbiases, beta, time, channels, run, runs, silu);
    } else {
        if (taps == 2) backward<2, 1>(x, weight, bias, dout, dx, dweights, dbiases, beta, time, channels, run, runs, silu);
        if (taps == 3) backward<3, 1>(x, weight, bias, dout, dx, dweights, dbiases, beta, time, channels, run, runs, silu);
        if (taps == 4) backward<4, 1>(x, weight, bias, dout, dx, dweights, dbiases, beta, time, channels, run, runs, silu);
    }
}
