// What a convolution need not go through: the zeros around its input.
//
// On images of 4×4 pixels a third of a 3×3 kernel's products are with them. Leaving them out changes no sum.

typedef struct {
  int first, end;
} Span;

// The outputs along one side whose tap `k` of the kernel lies on one of `inputs` true rows or columns.
INLINE Span outputsAtTap(int k, int stride, int padding, int inputs, int outputs) {
  const int first = padding > k ? (padding - k + stride - 1) / stride : 0;
  const int last = inputs - 1 + padding - k;
  const int end = last < 0 ? 0 : last / stride + 1;
  return (Span){first, end < outputs ? end : outputs};
}

// The rows of the kernel that meet a true row of the input at one of `pixels` outputs that follow one another.
INLINE Span kernelRows(const ConvForward *a, int first, int pixels) {
  const int top = first / a->outWidth * a->stride - a->padding;
  const int bottom = (first + pixels - 1) / a->outWidth * a->stride - a->padding;
  const int begin = bottom < 0 ? -bottom : 0, end = a->inHeight - top;
  return (Span){begin, end < a->kernel ? end : a->kernel};
}
