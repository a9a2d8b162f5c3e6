/** Matrix products of activations, row by row, with weights in panels of eight columns. */

/** Columns of a panel. It holds a bias for each column, then for each row of the weights their eight columns. */
const PANEL = 8;
const WIDE: usize = 4 * PANEL;

/**
 * out = rows x weights + bias, optionally plus what `more` holds, optionally with negative values as 0.
 *
 * Tiles of four rows and eight columns keep their sums in registers. A panel stays in the cache for all rows.
 *
 * @param a rows of `depth` floats, a multiple of four, each `aStride` bytes after the one before
 * @param columns a multiple of eight
 * @param more 0, or rows of what is added, `outStride` bytes apart
 */
export function multiply(
  a: usize, aStride: usize, rows: i32, depth: i32, weights: usize, columns: i32, out: usize, outStride: usize,
  more: usize, rectified: bool,
): void {
  for (let column = 0; column < columns; column += PANEL) {
    const at = <usize>column * 4;
    let row = 0;
    for (; row + 4 <= rows; row += 4) {
      const down = <usize>row * outStride + at;
      four(a + <usize>row * aStride, aStride, depth, weights, out + down, outStride, more ? more + down : 0, rectified);
    }
    for (; row < rows; row++) {
      const down = <usize>row * outStride + at;
      one(a + <usize>row * aStride, depth, weights, out + down, more ? more + down : 0, rectified);
    }
    weights += <usize>(depth + 1) * WIDE;
  }
}

// @ts-ignore: decorator
@inline
function step(sum: v128, a: usize, b: v128): v128 {
  return f32x4.add(sum, f32x4.mul(v128.load32_splat(a), b));
}

// @ts-ignore: decorator
@inline
function finish(sum: v128, out: usize, more: usize, rectified: bool): void {
  if (more) sum = f32x4.add(sum, v128.load(more));
  if (rectified) sum = f32x4.max(sum, f32x4.splat(0));
  v128.store(out, sum);
}

// @ts-ignore: decorator
@inline
function four(
  a0: usize, aStride: usize, depth: i32, b: usize, out: usize, outStride: usize, more: usize, rectified: bool,
): void {
  let a1 = a0 + aStride, a2 = a1 + aStride, a3 = a2 + aStride;
  let left = v128.load(b), right = v128.load(b, 16);
  let s0 = left, s1 = left, s2 = left, s3 = left;
  let t0 = right, t1 = right, t2 = right, t3 = right;
  b += WIDE;
  // two rows of the weights at a time, so that counting costs less
  for (const end = a0 + <usize>depth * 4; a0 < end; a0 += 8, a1 += 8, a2 += 8, a3 += 8, b += 2 * WIDE) {
    left = v128.load(b);
    right = v128.load(b, 16);
    let x = v128.load32_splat(a0);
    s0 = f32x4.add(s0, f32x4.mul(x, left));
    t0 = f32x4.add(t0, f32x4.mul(x, right));
    x = v128.load32_splat(a1);
    s1 = f32x4.add(s1, f32x4.mul(x, left));
    t1 = f32x4.add(t1, f32x4.mul(x, right));
    x = v128.load32_splat(a2);
    s2 = f32x4.add(s2, f32x4.mul(x, left));
    t2 = f32x4.add(t2, f32x4.mul(x, right));
    x = v128.load32_splat(a3);
    s3 = f32x4.add(s3, f32x4.mul(x, left));
    t3 = f32x4.add(t3, f32x4.mul(x, right));
    left = v128.load(b, 32);
    right = v128.load(b, 48);
    x = v128.load32_splat(a0, 4);
    s0 = f32x4.add(s0, f32x4.mul(x, left));
    t0 = f32x4.add(t0, f32x4.mul(x, right));
    x = v128.load32_splat(a1, 4);
    s1 = f32x4.add(s1, f32x4.mul(x, left));
    t1 = f32x4.add(t1, f32x4.mul(x, right));
    x = v128.load32_splat(a2, 4);
    s2 = f32x4.add(s2, f32x4.mul(x, left));
    t2 = f32x4.add(t2, f32x4.mul(x, right));
    x = v128.load32_splat(a3, 4);
    s3 = f32x4.add(s3, f32x4.mul(x, left));
    t3 = f32x4.add(t3, f32x4.mul(x, right));
  }
  for (let i = 0; i < 4; i++) {
    finish(s0, out, more, rectified);
    finish(t0, out + 16, more ? more + 16 : 0, rectified);
    s0 = s1; s1 = s2; s2 = s3;
    t0 = t1; t1 = t2; t2 = t3;
    out += outStride;
    if (more) more += outStride;
  }
}

// @ts-ignore: decorator
@inline
function one(a: usize, depth: i32, b: usize, out: usize, more: usize, rectified: bool): void {
  let s = v128.load(b), t = v128.load(b, 16);
  b += WIDE;
  for (const end = a + <usize>depth * 4; a < end; a += 4, b += WIDE) {
    s = step(s, a, v128.load(b));
    t = step(t, a, v128.load(b, 16));
  }
  finish(s, out, more, rectified);
  finish(t, out + 16, more ? more + 16 : 0, rectified);
}
