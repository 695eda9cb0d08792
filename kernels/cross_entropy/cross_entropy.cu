// loss_r = ln Σ_v e^{x_rv} − x_{r,c_r} and dx_rv = dloss_r (softmax(x_r)_v − [v = c_r]); a row whose target is −1 has loss 0 and is not read.
// Forward reads 4 bytes an element, its second reading is found in a cache; backward moves 8, 12 where it adds: bound by memory.

template <bool WHOLE_BLOCK>
__device__ __forceinline__ void forward_row(const float* logits, const int* targets, float* losses, float* normalisers, index_t rows, index_t classes) {
    const Row row = row_of_thread<WHOLE_BLOCK>();
    if (row.at >= rows) return;
    const int target = targets[row.at];
    if (target < 0) {
        if (row.rank == 0) losses[row.at] = normalisers[row.at] = 0.0f;
        return;
    }
    logits += row.at * classes;
    const float normaliser = row_log_sum_exp<WHOLE_BLOCK>(row, logits, classes, 1.0f);
    if (row.rank == 0) {
        normalisers[row.at] = normaliser;
        losses[row.at] = normaliser - logits[target];
    }
}

extern "C" __global__ void cross_entropy_forward_warps(const float* logits, const int* targets, float* losses, float* normalisers, index_t rows,
                                                       index_t classes) {
    forward_row<false>(logits, targets, losses, normalisers, rows, classes);
}

extern "C" __global__ void cross_entropy_forward_blocks(const float* logits, const int* targets, float* losses, float* normalisers, index_t rows,
                                                        index_t classes) {
    forward_row<true>(logits, targets, losses, normalisers, rows, classes);
}

extern "C" __global__ void cross_entropy_backward(const float* __restrict__ logits, const int* __restrict__ targets,
                                                  const float* __restrict__ normalisers, const float* __restrict__ dlosses,
                                                  float* __restrict__ dlogits, float beta, index_t rows, index_t classes) {
    each_of_row(rows, classes, [=](index_t row, index_t v) {
        const int target = targets[row];
        float d = 0.0f;
        if (target >= 0) d = dlosses[row] * (expf(logits[row * classes + v] - normalisers[row]) - (v == target ? 1.0f : 0.0f));
        accumulate(dlogits + row * classes + v, d, beta);
    });
}
