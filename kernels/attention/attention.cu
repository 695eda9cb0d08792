// Attention in tiles of SIDE queries and SIDE keys; a head's channels in slabs of SIDE. A block has 16 × 16 threads, each with 4 × 4 values of
// every product. Scores exist for one tile at a time; what leaves is out and L of each query. Backward forms scores twice: a block for each tile
// of queries adds up dq, a block for each tile of keys adds up dk and dv, so that no sum depends on which block came first.
//
// Products bind: 4 P T² flop a head forward, 14 P T² backward (half of both where causal), in f32. Bytes are 16 an element of q forward and are
// read T / SIDE times from the second cache.

#define SIDE 64
// Values from one row of a tile to the next: whole float4.
#define ROW 68
#define TILE (SIDE * ROW)
// Below all scores.
#define NEVER __int_as_float(0xff800000)

// A head of a sequence, and the dropout of its weights (attention/dropout.rs).
struct Head {
    index_t time, width, first;  // T, H P, and where its channels begin in the sequence's first row
    int channels, keys, queries; // P, valid keys, queries that are answered
    bool causal;
    float scale, kept;
    uint32_t threshold;
    uint64_t key;
};

// Blocks along y are heads of sequences.
__device__ __forceinline__ Head head_of(const unsigned int* lens, index_t time, int heads, int channels, int causal, float scale,
                                        unsigned long long seed, unsigned long long threshold, float kept) {
    const int sequence = blockIdx.y / heads, index = blockIdx.y % heads;
    Head head;
    head.time = time, head.width = (index_t)heads * channels;
    head.first = sequence * time * head.width + (index_t)index * channels;
    head.channels = channels, head.keys = lens[2 * sequence], head.queries = lens[2 * sequence + 1];
    head.causal = causal, head.scale = scale, head.kept = kept, head.threshold = (uint32_t)threshold;
    head.key = mix64(mix64(seed ^ mix64(sequence)) ^ (uint64_t)index);
    return head;
}

// The factor of the weight of query `i` and key `j`.
__device__ __forceinline__ float factor(uint64_t row, const Head& head, int j) {
    uint32_t x = (uint32_t)row + (uint32_t)j;
    x = ((x ^ (x >> 16)) * 0x7FEB352Du) ^ (uint32_t)(row >> 32);
    x = (x ^ (x >> 15)) * 0x846CA68Bu;
    return (x ^ (x >> 16)) < head.threshold ? 0.0f : head.kept;
}

__device__ __forceinline__ uint64_t row_key(const Head& head, int i) { return mix64(head.key ^ mix64((uint64_t)i)); }

__device__ __forceinline__ bool sees(const Head& head, int i, int j) {
    return i < head.queries && j < head.keys && (!head.causal || j <= i);
}

// A slab of rows first .. first + SIDE, of which those from `rows` on are zeros: as it lies, [row][channel], or turned, [channel][row].
template <bool TURNED>
__device__ __forceinline__ void stage(const Head& head, const float* from, int first, int rows, int slab, float* tile) {
    for (int i = threadIdx.x; i < SIDE * SIDE; i += 256) {
        const int row = i / SIDE, c = i % SIDE, channel = slab * SIDE + c;
        const bool there = first + row < rows && channel < head.channels;
        const float value = there ? from[head.first + (first + row) * head.width + channel] : 0.0f;
        tile[TURNED ? c * ROW + row : row * ROW + c] = value;
    }
}

// sums[r][c] += Σ_k a[k][4 ty + r] b[k][4 tx + c]
__device__ __forceinline__ void multiply(const float* a, const float* b, float (&sums)[4][4]) {
    const int ty = threadIdx.x / 16, tx = threadIdx.x % 16;
#pragma unroll 8
    for (int k = 0; k < SIDE; k++) {
        const float4 left = load4(a + k * ROW + 4 * ty), right = load4(b + k * ROW + 4 * tx);
        const float l[4] = {left.x, left.y, left.z, left.w}, r[4] = {right.x, right.y, right.z, right.w};
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) sums[i][j] = fmaf(l[i], r[j], sums[i][j]);
    }
}

// The thread's values of a tile, as they lie or turned.
template <bool TURNED>
__device__ __forceinline__ void put(const float (&values)[4][4], float* tile) {
    const int ty = threadIdx.x / 16, tx = threadIdx.x % 16;
    for (int i = 0; i < 4; i++) {
        if (TURNED)
            store4(tile + (4 * tx + i) * ROW + 4 * ty, make_float4(values[0][i], values[1][i], values[2][i], values[3][i]));
        else
            store4(tile + (4 * ty + i) * ROW + 4 * tx, make_float4(values[i][0], values[i][1], values[i][2], values[i][3]));
    }
}

// The products of rows of a with rows of b over all channels.
template <int SLABS>
__device__ __forceinline__ void rows_by_rows(const Head& head, const float* a, int first_a, int rows_a, const float* b, int first_b,
                                             int rows_b, float* left, float* right, float (&sums)[4][4]) {
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) sums[i][j] = 0.0f;
#pragma unroll
    for (int slab = 0; slab < SLABS; slab++) {
        stage<true>(head, a, first_a, rows_a, slab, left);
        stage<true>(head, b, first_b, rows_b, slab, right);
        __syncthreads();
        multiply(left, right, sums);
        __syncthreads();
    }
}

// sums += (weights turned) · rows of b, slab by slab; the weights lie in `left` already.
template <int SLABS>
__device__ __forceinline__ void add_weighed(const Head& head, const float* left, const float* b, int first, int rows, float* right,
                                            float (&sums)[SLABS][4][4]) {
#pragma unroll
    for (int slab = 0; slab < SLABS; slab++) {
        stage<false>(head, b, first, rows, slab, right);
        __syncthreads();
        multiply(left, right, sums[slab]);
        __syncthreads();
    }
}

// Rows first + 4 ty + r of a result, in the thread's columns of each slab.
template <int SLABS>
__device__ __forceinline__ void leave(const Head& head, const float (&sums)[SLABS][4][4], float factor, int first, float* to, float beta) {
    const int ty = threadIdx.x / 16, tx = threadIdx.x % 16;
#pragma unroll
    for (int slab = 0; slab < SLABS; slab++)
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) {
                const index_t row = first + 4 * ty + i;
                const int channel = slab * SIDE + 4 * tx + j;
                if (row < head.time && channel < head.channels)
                    accumulate(to + head.first + row * head.width + channel, factor * sums[slab][i][j], beta);
            }
}

// Over the 16 threads that have a row together.
__device__ __forceinline__ float row_max(float value) {
    for (int apart = 8; apart > 0; apart /= 2) value = fmaxf(value, __shfl_xor_sync(ALL_LANES, value, apart));
    return value;
}

__device__ __forceinline__ float row_sum(float value) {
    for (int apart = 8; apart > 0; apart /= 2) value += __shfl_xor_sync(ALL_LANES, value, apart);
    return value;
}

// How many keys the queries of a tile see together.
__device__ __forceinline__ int seen_by(const Head& head, int first) {
    if (first >= head.queries) return 0;
    return head.causal ? min(head.keys, first + SIDE) : head.keys;
}

template <int SLABS>
__device__ __forceinline__ void forward(const Head& head, const float* q, const float* k, const float* v, float* out, float* log_sums) {
    DYNAMIC_SHARED(float, shared);
    float *left = shared, *right = shared + TILE, *weights = shared + 2 * TILE;
    const int ty = threadIdx.x / 16, tx = threadIdx.x % 16, first = blockIdx.x * SIDE;
    float sums[SLABS][4][4] = {}, largest[4], total[4] = {}, scores[4][4];
    for (int i = 0; i < 4; i++) largest[i] = NEVER;
    const int keys = seen_by(head, first);
    for (int key = 0; key < keys; key += SIDE) {
        rows_by_rows<SLABS>(head, q, first, head.queries, k, key, head.keys, left, right, scores);
        for (int i = 0; i < 4; i++) {
            const int query = first + 4 * ty + i;
            float most = NEVER;
            for (int j = 0; j < 4; j++) {
                scores[i][j] = sees(head, query, key + 4 * tx + j) ? head.scale * scores[i][j] : NEVER;
                most = fmaxf(most, scores[i][j]);
            }
            most = fmaxf(largest[i], row_max(most));
            // A row that sees nothing yet has weights of 0.
            const float base = most == NEVER ? 0.0f : most, shrink = expf(largest[i] - base);
            largest[i] = most;
            const uint64_t row = head.threshold ? row_key(head, query) : 0;
            float sum = 0.0f;
            for (int j = 0; j < 4; j++) {
                const float weight = expf(scores[i][j] - base);
                sum += weight;
                scores[i][j] = head.threshold ? weight * factor(row, head, key + 4 * tx + j) : weight;
            }
            total[i] = total[i] * shrink + row_sum(sum);
#pragma unroll
            for (int slab = 0; slab < SLABS; slab++)
                for (int j = 0; j < 4; j++) sums[slab][i][j] *= shrink;
        }
        put<true>(scores, weights);
        // The barrier between writing and reading the weights is the one behind the values.
        add_weighed<SLABS>(head, weights, v, key, head.keys, right, sums);
    }
    for (int i = 0; i < 4; i++) {
        const float share = total[i] > 0.0f ? 1.0f / total[i] : 0.0f;
#pragma unroll
        for (int slab = 0; slab < SLABS; slab++)
            for (int j = 0; j < 4; j++) sums[slab][i][j] *= share;
        const index_t query = first + 4 * ty + i;
        if (log_sums && tx == 0 && query < head.time)
            log_sums[blockIdx.y * head.time + query] = total[i] > 0.0f ? largest[i] + logf(total[i]) : 0.0f;
    }
    leave<SLABS>(head, sums, 1.0f, first, out, 0.0f);
}

// The thread's weights p m and gradients ds of the scores of a tile, from products q·k and dout·v.
__device__ __forceinline__ void differentiate(const Head& head, const float* log_sums, const float* deltas, int first_query, int first_key,
                                              float (&scores)[4][4], float (&products)[4][4]) {
    const int ty = threadIdx.x / 16, tx = threadIdx.x % 16;
    for (int i = 0; i < 4; i++) {
        const int query = first_query + 4 * ty + i;
        const bool there = query < head.queries;
        const float log_sum = there ? log_sums[blockIdx.y * head.time + query] : 0.0f;
        const float delta = there ? deltas[blockIdx.y * head.time + query] : 0.0f;
        const uint64_t row = head.threshold ? row_key(head, query) : 0;
        for (int j = 0; j < 4; j++) {
            const int key = first_key + 4 * tx + j;
            const float p = sees(head, query, key) ? expf(head.scale * scores[i][j] - log_sum) : 0.0f;
            const float m = head.threshold ? factor(row, head, key) : 1.0f;
            scores[i][j] = p * m;
            products[i][j] = p * (m * products[i][j] - delta);
        }
    }
}

template <int SLABS>
__device__ __forceinline__ void back_queries(const Head& head, const float* q, const float* k, const float* v, const float* dout,
                                             const float* log_sums, const float* deltas, float* dq, float beta) {
    DYNAMIC_SHARED(float, shared);
    float *left = shared, *right = shared + TILE, *weights = shared + 2 * TILE;
    const int first = blockIdx.x * SIDE;
    float sums[SLABS][4][4] = {}, scores[4][4], products[4][4];
    const int keys = seen_by(head, first);
    for (int key = 0; key < keys; key += SIDE) {
        rows_by_rows<SLABS>(head, q, first, head.queries, k, key, head.keys, left, right, scores);
        rows_by_rows<SLABS>(head, dout, first, head.queries, v, key, head.keys, left, right, products);
        differentiate(head, log_sums, deltas, first, key, scores, products);
        put<true>(products, weights);
        add_weighed<SLABS>(head, weights, k, key, head.keys, right, sums);
    }
    leave<SLABS>(head, sums, head.scale, first, dq, beta);
}

template <int SLABS>
__device__ __forceinline__ void back_keys(const Head& head, const float* q, const float* k, const float* v, const float* dout,
                                          const float* log_sums, const float* deltas, float* dk, float* dv, float beta_k, float beta_v) {
    DYNAMIC_SHARED(float, shared);
    float *left = shared, *right = shared + TILE, *weights = shared + 2 * TILE;
    const int first = blockIdx.x * SIDE;
    float dks[SLABS][4][4] = {}, dvs[SLABS][4][4] = {}, scores[4][4], products[4][4];
    const int queries = first < head.keys ? head.queries : 0;
    for (int query = head.causal ? first : 0; query < queries; query += SIDE) {
        rows_by_rows<SLABS>(head, q, query, head.queries, k, first, head.keys, left, right, scores);
        rows_by_rows<SLABS>(head, dout, query, head.queries, v, first, head.keys, left, right, products);
        differentiate(head, log_sums, deltas, query, first, scores, products);
        put<false>(scores, weights);
        add_weighed<SLABS>(head, weights, dout, query, head.queries, right, dvs);
        put<false>(products, weights);
        add_weighed<SLABS>(head, weights, q, query, head.queries, right, dks);
    }
    if (dk) leave<SLABS>(head, dks, head.scale, first, dk, beta_k);
    if (dv) leave<SLABS>(head, dvs, 1.0f, first, dv, beta_v);
}

#define HEAD_OF const unsigned int *lens, index_t time, int heads, int channels, int causal, float scale, unsigned long long seed, unsigned long long threshold, float kept
#define HEAD head_of(lens, time, heads, channels, causal, scale, seed, threshold, kept)
#define OPERANDS const float *q, const float *k, const float *v, const float *dout, const float *log_sums, const float *deltas

// δ_i = dout_i·out_i; a warp for each query of each head, blocks along y as everywhere.
extern "C" __global__ void attention_deltas(const float* out, const float* dout, float* deltas, HEAD_OF) {
    const Head head = HEAD;
    const index_t query = (index_t)blockIdx.x * (blockDim.x / WARP) + threadIdx.x / WARP;
    float sum = 0.0f;
    if (query < head.queries)
        for (int c = threadIdx.x % WARP; c < channels; c += WARP) {
            const index_t at = head.first + query * head.width + c;
            sum = fmaf(out[at], dout[at], sum);
        }
    sum = warp_sum(sum);
    if (threadIdx.x % WARP == 0 && query < time) deltas[blockIdx.y * time + query] = sum;
}

// Of one slab of channels, two and four: each with the registers that it needs.
extern "C" __global__ void __launch_bounds__(256) attention_forward_1(const float* q, const float* k, const float* v, float* out,
                                                                      float* log_sums, HEAD_OF) {
    forward<1>(HEAD, q, k, v, out, log_sums);
}

extern "C" __global__ void __launch_bounds__(256) attention_back_queries_1(OPERANDS, float* dq, float beta, HEAD_OF) {
    back_queries<1>(HEAD, q, k, v, dout, log_sums, deltas, dq, beta);
}

extern "C" __global__ void __launch_bounds__(256) attention_back_keys_1(OPERANDS, float* dk, float* dv, float beta_k, float beta_v, HEAD_OF) {
    back_keys<1>(HEAD, q, k, v, dout, log_sums, deltas, dk, dv, beta_k, beta_v);
}

extern "C" __global__ void __launch_bounds__(256) attention_forward_2(const float* q, const float* k, const float* v, float* out,
                                                                      float* log_sums, HEAD_OF) {
    forward<2>(HEAD, q, k, v, out, log_sums);
}

extern "C" __global__ void __launch_bounds__(256) attention_back_queries_2(OPERANDS, float* dq, float beta, HEAD_OF) {
    back_queries<2>(HEAD, q, k, v, dout, log_sums, deltas, dq, beta);
}

extern "C" __global__ void __launch_bounds__(256) attention_back_keys_2(OPERANDS, float* dk, float* dv, float beta_k, float beta_v, HEAD_OF) {
    back_keys<2>(HEAD, q, k, v, dout, log_sums, deltas, dk, dv, beta_k, beta_v);
}

extern "C" __global__ void __launch_bounds__(256) attention_forward_4(const float* q, const float* k, const float* v, float* out,
                                                                      float* log_sums, HEAD_OF) {
    forward<4>(HEAD, q, k, v, out, log_sums);
}

extern "C" __global__ void __launch_bounds__(256) attention_back_queries_4(OPERANDS, float* dq, float beta, HEAD_OF) {
    back_queries<4>(HEAD, q, k, v, dout, log_sums, deltas, dq, beta);
}

extern "C" __global__ void __launch_bounds__(256) attention_back_keys_4(OPERANDS, float* dk, float* dv, float beta_k, float beta_v, HEAD_OF) {
    back_keys<4>(HEAD, q, k, v, dout, log_sums, deltas, dk, dv, beta_k, beta_v);
}
