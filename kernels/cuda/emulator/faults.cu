// Kernels that go wrong, each in its way, and some that do not. Not for a GPU.

extern "C" __global__ void writes_behind(float* x, index_t len) { x[threadIdx.x + 1] = 0.0f; }

extern "C" __global__ void writes_before(float* x, index_t len) { x[(int)threadIdx.x - 1] = 0.0f; }

extern "C" __global__ void half_a_barrier(float* x, index_t len) {
    if (threadIdx.x < 7) {
        __syncthreads();
        x[threadIdx.x] = 1.0f;
    } else {
        __shfl_xor_sync(ALL_LANES, x[threadIdx.x], 1);
    }
}

extern "C" __global__ void two_barriers(float* x, index_t len) {
    if (threadIdx.x < 32) {
        x[threadIdx.x] = 2.0f;
        __syncthreads();
    } else {
        __syncthreads();
    }
}

extern "C" __global__ void shared_behind(float* x, index_t len) {
    DYNAMIC_SHARED(float, room);
    room[threadIdx.x + 1] = x[threadIdx.x];
}

extern "C" __global__ void crooked(float* x, index_t len) { store4(x + 1, load4(x + 4)); }

extern "C" __global__ void lost_lane(float* x, index_t len) {
    if (threadIdx.x == 3) return;
    x[threadIdx.x] = __shfl_xor_sync(ALL_LANES, x[threadIdx.x], 1);
}

extern "C" __global__ void no_barrier(float* x, index_t len) {
    DYNAMIC_SHARED(float, room);
    room[threadIdx.x] = x[threadIdx.x];
    x[threadIdx.x] = room[63 - threadIdx.x];
}

extern "C" __global__ void reverses(float* x, index_t len) {
    DYNAMIC_SHARED(float, room);
    room[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    x[threadIdx.x] = room[63 - threadIdx.x];
}

extern "C" __global__ void reads_shared(float* x, index_t len) {
    __shared__ float room[64];
    DYNAMIC_SHARED(float, more);
    x[threadIdx.x] = room[threadIdx.x] + more[threadIdx.x];
    room[threadIdx.x] = 0.0f;
}

extern "C" __global__ void sums(float* x, index_t len) {
    const float value = x[threadIdx.x];
    x[threadIdx.x] = warp_sum(value) + block_sum(value);
}
