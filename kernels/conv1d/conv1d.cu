// Two ways. Where kernels see several channels, patches are laid out beside each other (`unfold`) and cuBLAS multiplies them with the weight by
// taps, some sequences at a time so that patches stay within a bound; arithmetic binds, and what patches cost is 8 K / stride bytes for each
// element of x. Where a kernel sees one or two channels (the waveform, depthwise kernels) a thread makes one output by itself: bound by the
// 4 bytes an output it writes, as neighbours find what they read in the first cache.

struct Conv {
    index_t batch, time, channels, outputs, taps, out_time, stride, left, dilation, groups;
    index_t inner, outer;
};

__device__ __forceinline__ Conv conv_of(index_t batch, index_t time, index_t channels, index_t outputs, index_t taps, index_t out_time,
                                        index_t stride, index_t left, index_t dilation, index_t groups) {
    return {batch, time, channels, outputs, taps, out_time, stride, left, dilation, groups, channels / groups, outputs / groups};
}

#define EXTENTS                                                                                                                   \
    index_t batch, index_t time, index_t channels, index_t outputs, index_t taps, index_t out_time, index_t stride, index_t left, \
        index_t dilation, index_t groups
#define CONV conv_of(batch, time, channels, outputs, taps, out_time, stride, left, dilation, groups)

__device__ __forceinline__ index_t thread_index() { return (index_t)blockIdx.x * blockDim.x + threadIdx.x; }

// The weight [O, inner, K] by taps: [O, K, inner].
extern "C" __global__ void conv1d_by_taps(const float* weight, float* by_taps, index_t len, index_t inner, index_t taps) {
    const index_t i = thread_index();
    if (i >= len) return;
    const index_t c = i % inner, k = i / inner % taps, o = i / inner / taps;
    by_taps[i] = weight[(o * inner + c) * taps + k];
}

// dweight [O, inner, K] from one by taps.
extern "C" __global__ void conv1d_from_taps(const float* by_taps, float* dweight, float beta, index_t len, index_t inner, index_t taps) {
    const index_t i = thread_index();
    if (i >= len) return;
    const index_t k = i % taps, c = i / taps % inner, o = i / taps / inner;
    accumulate(dweight + i, by_taps[(o * taps + k) * inner + c], beta);
}

// Patches [G, batch · T', K, inner] of `batch` sequences of x.
extern "C" __global__ void conv1d_unfold(const float* x, float* patches, EXTENTS) {
    const Conv op = CONV;
    const index_t i = thread_index();
    if (i >= op.batch * op.out_time * op.taps * op.channels) return;
    const index_t c = i % op.inner, k = i / op.inner % op.taps, row = i / op.inner / op.taps;
    const index_t t = row % op.out_time, b = row / op.out_time % op.batch, g = row / op.out_time / op.batch;
    const index_t from = t * op.stride + k * op.dilation - op.left;
    patches[i] = from >= 0 && from < op.time ? x[(b * op.time + from) * op.channels + g * op.inner + c] : 0.0f;
}

// dx of `batch` sequences from the gradient of their patches: every value gathers what its taps have left.
extern "C" __global__ void conv1d_fold(const float* dpatches, float* dx, float beta, EXTENTS) {
    const Conv op = CONV;
    const index_t i = thread_index();
    if (i >= op.batch * op.time * op.channels) return;
    const index_t channel = i % op.channels, at = i / op.channels % op.time, b = i / op.channels / op.time;
    const index_t g = channel / op.inner, c = channel % op.inner;
    float sum = 0.0f;
    for (index_t k = 0; k < op.taps; k++) {
        const index_t from = at + op.left - k * op.dilation, t = from / op.stride;
        if (from >= 0 && from % op.stride == 0 && t < op.out_time)
            sum += dpatches[(((g * op.batch + b) * op.out_time + t) * op.taps + k) * op.inner + c];
    }
    accumulate(dx + i, sum, beta);
}

// What is done with finished sums, in place or into y: bias, and GELU. `before` gets what goes into GELU.
__device__ __forceinline__ void finish(float sum, const float* bias, float* before, float* y, index_t i, index_t o, bool gelu) {
    if (bias) sum += bias[o];
    if (before) before[i] = sum;
    y[i] = gelu ? sum * normal_cdf(sum) : sum;
}

extern "C" __global__ void conv1d_finish(const float* sums, const float* bias, float* before, float* y, index_t len, index_t outputs,
                                         int gelu) {
    const index_t i = thread_index();
    if (i < len) finish(sums[i], bias, before, y, i, i % outputs, gelu);
}

// dy through GELU.
extern "C" __global__ void conv1d_gelu_back(const float* before, const float* dout, float* dy, index_t len) {
    const index_t i = thread_index();
    if (i >= len) return;
    const float x = before[i];
    dy[i] = dout[i] * (normal_cdf(x) + x * 0.39894228f * expf(-0.5f * x * x));
}

// y straight from x; a thread for each output, its weights beside those of its neighbours: [K, inner, O].
extern "C" __global__ void conv1d_direct(const float* x, const float* weight, const float* bias, float* before, float* y, int gelu,
                                         EXTENTS) {
    const Conv op = CONV;
    const index_t i = thread_index();
    if (i >= op.batch * op.out_time * op.outputs) return;
    const index_t o = i % op.outputs, t = i / op.outputs % op.out_time, b = i / op.outputs / op.out_time;
    const index_t first = o / op.outer * op.inner;
    float sum = 0.0f;
    for (index_t k = 0; k < op.taps; k++) {
        const index_t from = t * op.stride + k * op.dilation - op.left;
        if (from < 0 || from >= op.time) continue;
        const float* row = x + (b * op.time + from) * op.channels + first;
        for (index_t c = 0; c < op.inner; c++) sum = fmaf(weight[(k * op.inner + c) * op.outputs + o], row[c], sum);
    }
    finish(sum, bias, before, y, i, o, gelu);
}

// The weight [O, inner, K] as [K, inner, O].
extern "C" __global__ void conv1d_by_outputs(const float* weight, float* turned, index_t len, index_t outputs) {
    const index_t i = thread_index();
    if (i >= len) return;
    const index_t o = i % outputs, of_output = len / outputs, at = i / outputs;
    turned[i] = weight[o * of_output + at];
}

// Parts of dweight [chunks, O, inner · K] over `rows` of the outputs each; blocks along y are chunks.
extern "C" __global__ void conv1d_direct_weight(const float* x, const float* dy, float* parts, index_t rows, EXTENTS) {
    const Conv op = CONV;
    const index_t i = thread_index(), of_output = op.inner * op.taps, len = op.outputs * of_output;
    if (i >= len) return;
    const index_t o = i % op.outputs, c = i / op.outputs / op.taps, k = i / op.outputs % op.taps;
    const index_t channel = o / op.outer * op.inner + c, offset = k * op.dilation - op.left;
    const index_t first = blockIdx.y * rows, last = min(first + rows, op.batch * op.out_time);
    float sum = 0.0f;
    for (index_t row = first; row < last; row++) {
        const index_t from = row % op.out_time * op.stride + offset;
        if (from >= 0 && from < op.time)
            sum = fmaf(dy[row * op.outputs + o], x[(row / op.out_time * op.time + from) * op.channels + channel], sum);
    }
    parts[blockIdx.y * len + o * of_output + c * op.taps + k] = sum;
}

// dx straight from dy, where a channel is seen by few outputs.
extern "C" __global__ void conv1d_direct_input(const float* dy, const float* weight, float* dx, float beta, EXTENTS) {
    const Conv op = CONV;
    const index_t i = thread_index();
    if (i >= op.batch * op.time * op.channels) return;
    const index_t channel = i % op.channels, at = i / op.channels % op.time, b = i / op.channels / op.time;
    const index_t first = channel / op.inner * op.outer, c = channel % op.inner;
    float sum = 0.0f;
    for (index_t k = 0; k < op.taps; k++) {
        const index_t from = at + op.left - k * op.dilation, t = from / op.stride;
        if (from < 0 || from % op.stride != 0 || t >= op.out_time) continue;
        const float* row = dy + (b * op.out_time + t) * op.outputs;
        for (index_t o = first; o < first + op.outer; o++) sum = fmaf(row[o], weight[(k * op.inner + c) * op.outputs + o], sum);
    }
    accumulate(dx + i, sum, beta);
}
