// The states of a target in log space (lattice.rs): its blanks first, then its labels. Frames follow each other, so what binds is the time of
// T barriers and as many logarithms one after another, not memory; a block for α and one for β of each utterance run side by side.
// Logarithms are f64, as on the CPU; only their differences go through f32. Normalisers and gradients are made by a block for each frame.

// ln 0: finite, so that differences of two impossible states are numbers.
#define NEVER -1e30

__device__ __forceinline__ bool is_never(double log_p) { return log_p < 0.5 * NEVER; }

// An utterance: where its logits and its labels are. `spans` holds for each the frames, the labels, and where labels begin.
struct Utterance {
    const float* logits;
    const unsigned int* labels;
    index_t first;  // of its rows in [B · T]
    int frames, count, states;
};

__device__ __forceinline__ Utterance utterance_of(index_t b, const float* logits, const unsigned int* spans, const unsigned int* labels,
                                                  index_t time, index_t classes) {
    const int count = spans[3 * b + 1];
    return {logits + b * time * classes, labels + spans[3 * b + 2], b * time, (int)spans[3 * b], count, 2 * count + 1};
}

// ln y of a class in a frame.
__device__ __forceinline__ double log_y(const float* frame, double log_sum, unsigned int of) {
    const double value = (double)frame[of] - log_sum;
    return value < NEVER ? NEVER : value;
}

// ln of the sum of two or three exponentials.
__device__ __forceinline__ double log_add(double a, double b, double c) {
    double largest = a, second = b;
    if (b > largest) largest = b, second = a;
    double third = c;
    if (c > largest) third = largest, largest = c;
    const float rest = expf((float)(second - largest)) + expf((float)(third - largest));
    return largest + (double)log1pf(rest);
}

__device__ __forceinline__ double log_add(double a, double b) { return log_add(a, b, NEVER); }

// Whether label i may follow label i − 1 with no blank between.
__device__ __forceinline__ double skip(const Utterance& u, int i) { return u.labels[i] != u.labels[i - 1] ? 0.0 : NEVER; }

// ln Σ e^x of each valid frame; a block for each.
extern "C" __global__ void ctc_loss_normalise(const float* logits, const unsigned int* spans, float* log_sums, index_t time,
                                              index_t classes) {
    const index_t row = blockIdx.x;
    if (row % time >= spans[3 * (row / time)]) return;
    const float* frame = logits + row * classes;
    float most = frame[0];
    for (index_t v = threadIdx.x; v < classes; v += blockDim.x) most = fmaxf(most, frame[v]);
    most = block_max(most);
    float sum = 0.0f;
    for (index_t v = threadIdx.x; v < classes; v += blockDim.x) sum += expf(frame[v] - most);
    sum = block_sum(sum);
    if (threadIdx.x == 0) reinterpret_cast<double*>(log_sums)[row] = (double)most + log((double)sum);
}

// α of a state from the column of the frame before, without this frame's emission.
__device__ __forceinline__ double advanced(const Utterance& u, const double* before, int s) {
    const double *blanks = before, *labels = before + u.count + 1;
    if (s <= u.count) return s == 0 ? blanks[0] : log_add(blanks[s], labels[s - 1]);
    const int i = s - u.count - 1;
    return i == 0 ? log_add(labels[0], blanks[0]) : log_add(labels[i], blanks[i], labels[i - 1] + skip(u, i));
}

// β of a state from the column of the frame after it, with that frame's emissions.
__device__ __forceinline__ double retreated(const Utterance& u, const double* after, int s) {
    const double *blanks = after, *labels = after + u.count + 1;
    if (s <= u.count) return s == u.count ? blanks[s] : log_add(blanks[s], labels[s]);
    const int i = s - u.count - 1;
    return i + 1 == u.count ? log_add(labels[i], blanks[i + 1]) : log_add(labels[i], blanks[i + 1], labels[i + 1] + skip(u, i + 1));
}

__device__ __forceinline__ unsigned int class_of(const Utterance& u, int s, unsigned int blank) {
    return s <= u.count ? blank : u.labels[s - u.count - 1];
}

// Blocks along y: α, with ln p of the target at its end, then β. Columns [B · T, most states] of both where they are kept.
extern "C" __global__ void ctc_loss_walk(const float* logits, const unsigned int* spans, const unsigned int* labels, const float* sums,
                                         float* alphas, float* betas, float* log_ps, float* losses, index_t time, index_t classes,
                                         index_t most, unsigned long long blank, int zero_infinity) {
    DYNAMIC_SHARED(double, shared);
    const Utterance u = utterance_of(blockIdx.x, logits, spans, labels, time, classes);
    const double* log_sums = reinterpret_cast<const double*>(sums) + u.first;
    double *column = shared, *next = shared + most;
    if (blockIdx.y == 0) {
        for (int s = threadIdx.x; s < u.states; s += blockDim.x) column[s] = s == 0 ? 0.0 : NEVER;
        __syncthreads();
        for (int t = 0; t < u.frames; t++) {
            const float* frame = u.logits + t * classes;
            const double log_sum = log_sums[t];
            for (int s = threadIdx.x; s < u.states; s += blockDim.x) {
                next[s] = advanced(u, column, s) + log_y(frame, log_sum, class_of(u, s, (unsigned int)blank));
                if (alphas) reinterpret_cast<double*>(alphas)[(u.first + t) * most + s] = next[s];
            }
            __syncthreads();
            double* done = column;
            column = next, next = done;
        }
        if (threadIdx.x > 0) return;
        const double log_p = log_add(column[u.count], u.count > 0 ? column[2 * u.count] : NEVER);
        reinterpret_cast<double*>(log_ps)[blockIdx.x] = log_p;
        losses[blockIdx.x] = !is_never(log_p) ? (float)-log_p : zero_infinity ? 0.0f : __int_as_float(0x7f800000);
    } else {
        for (int t = u.frames - 1; t >= 0; t--) {
            const float* frame = u.logits + t * classes;
            const double log_sum = log_sums[t];
            for (int s = threadIdx.x; s < u.states; s += blockDim.x) {
                const bool end = s == u.count || s == 2 * u.count;
                const double beta = t + 1 == u.frames ? (end ? 0.0 : NEVER) : retreated(u, column, s);
                reinterpret_cast<double*>(betas)[(u.first + t) * most + s] = beta;
                next[s] = beta + log_y(frame, log_sum, class_of(u, s, (unsigned int)blank));
            }
            __syncthreads();
            double* done = column;
            column = next, next = done;
        }
    }
}

// y − occupancy of each class; a block for each frame. `order` has the places of an utterance's labels, those of one class beside each other.
extern "C" __global__ void ctc_loss_gradient(const float* logits, const unsigned int* spans, const unsigned int* labels,
                                             const unsigned int* order, const float* sums, const float* alphas, const float* betas,
                                             const float* log_ps, float* gradient, index_t time, index_t classes, index_t most,
                                             unsigned long long blank, int zero_infinity) {
    const index_t row = blockIdx.x;
    const Utterance u = utterance_of(row / time, logits, spans, labels, time, classes);
    float* to = gradient + row * classes;
    const double log_p = reinterpret_cast<const double*>(log_ps)[row / time];
    if (row % time >= u.frames || is_never(log_p)) {
        const bool none = row % time >= u.frames || zero_infinity;
        for (index_t v = threadIdx.x; v < classes; v += blockDim.x) to[v] = none ? 0.0f : __int_as_float(0x7fc00000);
        return;
    }
    const float* frame = logits + row * classes;
    const double log_sum = reinterpret_cast<const double*>(sums)[row];
    const double* alpha = reinterpret_cast<const double*>(alphas) + row * most;
    const double* beta = reinterpret_cast<const double*>(betas) + row * most;
    for (index_t v = threadIdx.x; v < classes; v += blockDim.x) to[v] = expf((float)((double)frame[v] - log_sum));
    float of_blanks = 0.0f;
    for (int s = threadIdx.x; s <= u.count; s += blockDim.x) of_blanks += expf((float)(alpha[s] + beta[s] - log_p));
    of_blanks = block_sum(of_blanks);
    if (threadIdx.x == 0) to[blank] -= of_blanks;
    __syncthreads();
    const unsigned int* places = order + (u.labels - labels);
    for (int k = threadIdx.x; k < u.count; k += blockDim.x) {
        const unsigned int label = u.labels[places[k]];
        // The first place of a class adds up for all of them.
        if (k > 0 && u.labels[places[k - 1]] == label) continue;
        float sum = 0.0f;
        for (int j = k; j < u.count && u.labels[places[j]] == label; j++) {
            const int s = u.count + 1 + places[j];
            sum += expf((float)(alpha[s] + beta[s] - log_p));
        }
        to[label] -= sum;
    }
}

// dx = beta dx + dloss · gradient
extern "C" __global__ void ctc_loss_backward(const float* gradient, const float* dlosses, float* dx, float beta, index_t len,
                                             index_t of_one) {
    const index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < len) accumulate(dx + i, dlosses[i / of_one] * gradient[i], beta);
}
