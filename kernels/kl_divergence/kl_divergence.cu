// Σ w Σ_v p_v (ln p_v − ln q_v), p = softmax(scale teacher), q = softmax(scale student), scale = 1/τ; a warp or a block for each frame. One of weight 0
// is not read. Forward reads 8 bytes an element of the student, backward moves 12, or 16 where it adds; what is read again is found in a cache:
// bound by memory, with four exponentials an element beside it.

template <bool WHOLE_BLOCK>
__device__ __forceinline__ void forward_row(const float* student, const float* teacher, const float* weights, float* shares, index_t rows,
                                            index_t width, float scale) {
    const Row row = row_of_thread<WHOLE_BLOCK>();
    if (row.at >= rows) return;
    const float weight = weights[row.at];
    if (weight == 0.0f) {
        if (row.rank == 0) shares[row.at] = 0.0f;
        return;
    }
    student += row.at * width;
    teacher += row.at * width;
    const float of_student = row_log_sum_exp<WHOLE_BLOCK>(row, student, width, scale);
    const float of_teacher = row_log_sum_exp<WHOLE_BLOCK>(row, teacher, width, scale);
    float sum = 0.0f;
    for (index_t v = row.rank; v < width; v += row.size) {
        const float log_p = teacher[v] * scale - of_teacher, p = expf(log_p);
        // A class that the teacher excludes (logit −∞) has p ln p = 0; NaN stays NaN.
        sum += p == 0.0f ? 0.0f : p * (log_p - (student[v] * scale - of_student));
    }
    sum = row_sum<WHOLE_BLOCK>(sum);
    if (row.rank == 0) shares[row.at] = weight * sum;
}

// dstudent = dout w (q − p) / τ.
template <bool WHOLE_BLOCK>
__device__ __forceinline__ void backward_row(const float* student, const float* teacher, const float* weights, const float* dout, float* dstudent,
                                             float beta, index_t rows, index_t width, float scale) {
    const Row row = row_of_thread<WHOLE_BLOCK>();
    if (row.at >= rows) return;
    const float weight = weights[row.at];
    student += row.at * width;
    teacher += row.at * width;
    dstudent += row.at * width;
    if (weight == 0.0f) {
        for (index_t v = row.rank; v < width; v += row.size) accumulate(dstudent + v, 0.0f, beta);
        return;
    }
    const float of_student = row_log_sum_exp<WHOLE_BLOCK>(row, student, width, scale);
    const float of_teacher = row_log_sum_exp<WHOLE_BLOCK>(row, teacher, width, scale);
    const float factor = dout[0] * scale * weight;
    for (index_t v = row.rank; v < width; v += row.size) {
        const float q = expf(student[v] * scale - of_student), p = expf(teacher[v] * scale - of_teacher);
        accumulate(dstudent + v, factor * (q - p), beta);
    }
}

extern "C" __global__ void kl_divergence_forward_warps(const float* student, const float* teacher, const float* weights, float* shares, index_t rows,
    index_t width, float scale) {
    forward_row<false>(student, teacher, weights, shares, rows, width, scale);
}

extern "C" __global__ void kl_divergence_forward_blocks(const float* student, const float* teacher, const float* weights, float* shares, index_t rows,
    index_t width, float scale) {
    forward_row<true>(student, teacher, weights, shares, rows, width, scale);
}

extern "C" __global__ void kl_divergence_backward_warps(const float* student, const float* teacher, const float* weights, const float* dout,
    float* dstudent, float beta, index_t rows, index_t width, float scale) {
    backward_row<false>(student, teacher, weights, dout, dstudent, beta, rows, width, scale);
}

extern "C" __global__ void kl_divergence_backward_blocks(const float* student, const float* teacher, const float* weights, const float* dout,
    float* dstudent, float beta, index_t rows, index_t width, float scale) {
    backward_row<true>(student, teacher, weights, dout, dstudent, beta, rows, width, scale);
}
