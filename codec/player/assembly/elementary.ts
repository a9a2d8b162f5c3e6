/** Elementary functions of four floats at a time, to about the last bit of a float. Coefficients are those of Cephes. */

const LN2_HIGH: f32 = 0.693359375;
const LN2_LOW: f32 = -2.12194440e-4;

/** a x + b */
// @ts-ignore: decorator
@inline
export function fused(a: v128, x: v128, b: f32): v128 {
  return f32x4.add(f32x4.mul(a, x), f32x4.splat(b));
}

// @ts-ignore: decorator
@inline
export function clamp4(x: v128, low: f32, high: f32): v128 {
  return f32x4.max(f32x4.min(x, f32x4.splat(high)), f32x4.splat(low));
}

/** Exponential: 0 below -87, infinity from 89 on. */
// @ts-ignore: decorator
@inline
export function exp4(value: v128): v128 {
  const x = clamp4(value, -88, 90);
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504088896341)));
  let r = f32x4.sub(x, f32x4.mul(n, f32x4.splat(LN2_HIGH)));
  r = f32x4.sub(r, f32x4.mul(n, f32x4.splat(LN2_LOW)));
  let p = fused(f32x4.splat(1.9875691500e-4), r, 1.3981999507e-3);
  p = fused(p, r, 8.3334519073e-3);
  p = fused(p, r, 4.1665795894e-2);
  p = fused(p, r, 1.6666665459e-1);
  p = fused(p, r, 5.0000001201e-1);
  p = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1));
  // 2^n in two factors, since 2^128 is no float
  const exponent = i32x4.max_s(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(126)), i32x4.splat(0));
  return f32x4.mul(f32x4.mul(p, i32x4.shl(exponent, 23)), f32x4.splat(2));
}

// @ts-ignore: decorator
@inline
export function tanh4(x: v128): v128 {
  const e = exp4(f32x4.add(x, x));
  return f32x4.sub(f32x4.splat(1), f32x4.div(f32x4.splat(2), f32x4.add(e, f32x4.splat(1))));
}

/** Natural logarithm of numbers from 1 on. */
// @ts-ignore: decorator
@inline
export function log4(x: v128): v128 {
  const half = v128.or(v128.and(x, i32x4.splat(0x007fffff)), i32x4.splat(0x3f000000)); // from 0.5 to below 1
  const small = f32x4.lt(half, f32x4.splat(0.707106781186547524));
  const n = i32x4.sub(i32x4.shr_u(x, 23), i32x4.splat(126));
  const e = f32x4.convert_i32x4_s(i32x4.add(n, small)); // true is -1
  const m = f32x4.sub(f32x4.add(half, v128.and(half, small)), f32x4.splat(1));
  const z = f32x4.mul(m, m);
  let p = fused(f32x4.splat(7.0376836292e-2), m, -1.1514610310e-1);
  p = fused(p, m, 1.1676998740e-1);
  p = fused(p, m, -1.2420140846e-1);
  p = fused(p, m, 1.4249322787e-1);
  p = fused(p, m, -1.6668057665e-1);
  p = fused(p, m, 2.0000714765e-1);
  p = fused(p, m, -2.4999993993e-1);
  p = fused(p, m, 3.3333331174e-1);
  p = f32x4.mul(f32x4.mul(p, m), z);
  p = f32x4.add(p, f32x4.mul(e, f32x4.splat(LN2_LOW)));
  p = f32x4.sub(p, f32x4.mul(z, f32x4.splat(0.5)));
  return f32x4.add(f32x4.add(m, p), f32x4.mul(e, f32x4.splat(LN2_HIGH)));
}
