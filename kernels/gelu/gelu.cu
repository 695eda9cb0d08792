// out = x Φ(x) and dx = dout (Φ(x) + x φ(x)), with the compiler's own erfc.
// Forward moves 8 bytes an element, backward 12, or 16 where it adds: bound by memory, with some 20 to 40 operations an element beside it.

__device__ __forceinline__ float gelu_of(float x) { return x * normal_cdf(x); }

__device__ __forceinline__ float gelu_back(float x, float dout) { return dout * gelu_slope(x); }

POINTWISE(gelu, gelu_of, gelu_back)
