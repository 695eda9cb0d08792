// out = max(x, 0) and dx = dout where x > 0.
// Forward moves 8 bytes an element, backward 12, or 16 where it adds: bound by memory.

// NaN passes, too.
__device__ __forceinline__ float relu_of(float x) { return x < 0.0f ? 0.0f : x; }

__device__ __forceinline__ float relu_back(float x, float dout) { return x > 0.0f ? dout : 0.0f; }

POINTWISE(relu, relu_of, relu_back)
