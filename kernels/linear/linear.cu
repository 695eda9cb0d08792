// What a product of cuBLAS leaves to do: every row of y begins as the bias, and the product is added to it.

// y [rows, cols] = bias [cols] in every row. Writes 4 bytes an element.
extern "C" __global__ void linear_bias(const float* bias, float* y, index_t len, index_t cols) {
    const index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < len) y[i] = bias[i % cols];
}
