// The exponential of a vector of floats; V, I and INLINE are the including variant's.

// exp in float: Cephes' reduction and polynomial (S. Moshier, expf.c), relative error about 1e-7.
INLINE V expOf(V x) {
  x = x < (V)-87.0f ? (V)-87.0f : x;
  x = x > (V)88.0f ? (V)88.0f : x;
  const V magic = (V)12582912.0f;
  V n = (x * (V)1.44269504f + magic) - magic;
  V r = x - n * (V)0.693359375f;
  r = r + n * (V)2.12194440e-4f;
  V p = (V)1.9875691500e-4f;
  p = p * r + (V)1.3981999507e-3f;
  p = p * r + (V)8.3334519073e-3f;
  p = p * r + (V)4.1665795894e-2f;
  p = p * r + (V)1.6666665459e-1f;
  p = p * r + (V)5.0000001201e-1f;
  p = p * r * r + r + (V)1.0f;
  I exponent = (__builtin_convertvector(n, I) + (I)127) << 23;
  union { I i; V v; } power = {.i = exponent};
  return p * power.v;
}
