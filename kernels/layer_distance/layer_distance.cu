// Σ w mean_C (LN₀(teacher) − LN₀(student))², a warp or a block for each frame; a frame of weight 0 is not read.
// Forward reads 8 bytes an element of the student, backward moves 12, or 16 where it adds; what is read again is found in a cache: bound by memory.

struct Norm {
    float mean, rstd;
};

template <bool WHOLE_BLOCK>
__device__ __forceinline__ Norm norm_of(Row row, const float* x, index_t width, float eps) {
    float sum = 0.0f, squares = 0.0f;
    for (index_t c = row.rank; c < width; c += row.size) sum += x[c];
    const float mean = row_sum<WHOLE_BLOCK>(sum) / width;
    for (index_t c = row.rank; c < width; c += row.size) squares += (x[c] - mean) * (x[c] - mean);
    return {mean, 1.0f / sqrtf(row_sum<WHOLE_BLOCK>(squares) / width + eps)};
}

__device__ __forceinline__ float normed_by(Norm norm, float x) { return (x - norm.mean) * norm.rstd; }

template <bool WHOLE_BLOCK>
__device__ __forceinline__ void forward_row(const float* student, const float* teacher, const float* weights, float* shares, index_t rows,
                                            index_t width, float eps) {
    const Row row = row_of_thread<WHOLE_BLOCK>();
    if (row.at >= rows) return;
    const float weight = weights[row.at];
    if (weight == 0.0f) {
        if (row.rank == 0) shares[row.at] = 0.0f;
        return;
    }
    student += row.at * width;
    teacher += row.at * width;
    const Norm of_student = norm_of<WHOLE_BLOCK>(row, student, width, eps), of_teacher = norm_of<WHOLE_BLOCK>(row, teacher, width, eps);
    float squares = 0.0f;
    for (index_t c = row.rank; c < width; c += row.size) {
        const float apart = normed_by(of_teacher, teacher[c]) - normed_by(of_student, student[c]);
        squares += apart * apart;
    }
    squares = row_sum<WHOLE_BLOCK>(squares);
    if (row.rank == 0) shares[row.at] = weight * (squares / width);
}

// dstudent = dout w (2/C) ρ (d − ŝ mean_C(d ŝ)) with d = ŝ − t̂.
template <bool WHOLE_BLOCK>
__device__ __forceinline__ void backward_row(const float* student, const float* teacher, const float* weights, const float* dout, float* dstudent,
                                             float beta, index_t rows, index_t width, float eps) {
    const Row row = row_of_thread<WHOLE_BLOCK>();
    if (row.at >= rows) return;
    const float weight = weights[row.at];
    student += row.at * width;
    teacher += row.at * width;
    dstudent += row.at * width;
    if (weight == 0.0f) {
        for (index_t c = row.rank; c < width; c += row.size) accumulate(dstudent + c, 0.0f, beta);
        return;
    }
    const Norm of_student = norm_of<WHOLE_BLOCK>(row, student, width, eps), of_teacher = norm_of<WHOLE_BLOCK>(row, teacher, width, eps);
    float along = 0.0f;
    for (index_t c = row.rank; c < width; c += row.size) {
        const float s = normed_by(of_student, student[c]);
        along += s * (s - normed_by(of_teacher, teacher[c]));
    }
    along = row_sum<WHOLE_BLOCK>(along) / width;
    const float factor = dout[0] * weight * 2.0f / width * of_student.rstd;
    for (index_t c = row.rank; c < width; c += row.size) {
        const float s = normed_by(of_student, student[c]);
        accumulate(dstudent + c, factor * (s - normed_by(of_teacher, teacher[c]) - s * along), beta);
    }
}

extern "C" __global__ void layer_distance_forward_warps(const float* student, const float* teacher, const float* weights, float* shares, index_t rows,
    index_t width, float eps) {
    forward_row<false>(student, teacher, weights, shares, rows, width, eps);
}

extern "C" __global__ void layer_distance_forward_blocks(const float* student, const float* teacher, const float* weights, float* shares, index_t rows,
    index_t width, float eps) {
    forward_row<true>(student, teacher, weights, shares, rows, width, eps);
}

extern "C" __global__ void layer_distance_backward_warps(const float* student, const float* teacher, const float* weights, const float* dout,
    float* dstudent, float beta, index_t rows, index_t width, float eps) {
    backward_row<false>(student, teacher, weights, dout, dstudent, beta, rows, width, eps);
}

extern "C" __global__ void layer_distance_backward_blocks(const float* student, const float* teacher, const float* weights, const float* dout,
    float* dstudent, float beta, index_t rows, index_t width, float eps) {
    backward_row<true>(student, teacher, weights, dout, dstudent, beta, rows, width, eps);
}
