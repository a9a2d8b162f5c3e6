/** The depthwise convolution of one frame's tokens. */

/**
 * @param x the first token of the window of the frame's first token; the tokens around a frame, and frames around the
 *     piece, are there as zeros
 * @param frameBytes from a frame to the next
 * @param width floats of a token, a multiple of 16
 * @param weights [1 + times x frequencies, width]: biases, then the kernel
 * @param out [tokens, width]
 */
export function depthwise(
  x: usize, frameBytes: usize, tokens: i32, width: i32, times: i32, frequencies: i32, weights: usize, out: usize,
): void {
  const token = <usize>width * 4;
  for (let at: usize = 0; at < token; at += 64) {
    for (let p = 0; p < tokens; p++) {
      let w = weights + at;
      let a = v128.load(w), b = v128.load(w, 16), c = v128.load(w, 32), d = v128.load(w, 48);
      let row = x + <usize>p * token + at;
      for (let t = 0; t < times; t++) {
        for (let f = 0, from = row; f < frequencies; f++, from += token) {
          w += token;
          a = f32x4.add(a, f32x4.mul(v128.load(from), v128.load(w)));
          b = f32x4.add(b, f32x4.mul(v128.load(from, 16), v128.load(w, 16)));
          c = f32x4.add(c, f32x4.mul(v128.load(from, 32), v128.load(w, 32)));
          d = f32x4.add(d, f32x4.mul(v128.load(from, 48), v128.load(w, 48)));
        }
        row += frameBytes;
      }
      const to = out + <usize>p * token + at;
      v128.store(to, a);
      v128.store(to, b, 16);
      v128.store(to, c, 32);
      v128.store(to, d, 48);
    }
  }
}
