/** What happens coefficient by coefficient: how sent ones enter the network, and how its heads become coefficients. */

import { clamp4, exp4, fused, log4, tanh4 } from "./elementary";

/** The decoder's constants (training/ranked/decoder_graph.py). */
const LN_NOISE: f32 = -3.6888794541139363; // of 0.8 / 32
const LOWEST: f32 = -7.6888794541139363;
const LOUDEST: f32 = -2.1888794541139363;

/** Four floats, each `offset` floats after the one at `base`. */
// @ts-ignore: decorator
@inline
function gather(base: usize, a: usize, b: usize, c: usize, d: usize): v128 {
  let values = v128.load32_zero(base + 4 * a);
  values = v128.load32_lane(base + 4 * b, values, 1);
  values = v128.load32_lane(base + 4 * c, values, 2);
  return v128.load32_lane(base + 4 * d, values, 3);
}

/**
 * Steps of a frame's sent coefficients, and what of them enters the network.
 *
 * @param positions int16 [count], a multiple of four
 * @param indices int32 [count]
 * @param tables [3, coefficients]: shape, steady and bias of the step
 * @param lnSigma [coefficients], and the frame's loudness after them
 * @param out [2, count]: steps, and sigmas in steps
 * @param values [2, count]: indices in sigmas, and logarithms of magnitudes, plus 1
 */
export function steps(
  positions: usize, indices: usize, count: i32, tables: usize, coefficients: i32, lnSigma: usize, lnGain: f32, out: usize,
  values: usize,
): void {
  const size = <usize>coefficients * 4, plane = <usize>count * 4;
  const loudness = v128.load32_splat(lnSigma + size);
  for (let i = 0; i < count; i += 4, positions += 8, indices += 16, out += 16, values += 16) {
    const a: usize = load<u16>(positions), b: usize = load<u16>(positions, 2);
    const c: usize = load<u16>(positions, 4), d: usize = load<u16>(positions, 6);
    const sigma = gather(lnSigma, a, b, c, d);
    let step = f32x4.add(
      f32x4.mul(sigma, gather(tables, a, b, c, d)),
      f32x4.mul(loudness, gather(tables + size, a, b, c, d)),
    );
    step = f32x4.add(step, f32x4.sub(gather(tables + 2 * size, a, b, c, d), f32x4.splat(lnGain)));
    const ratio = exp4(f32x4.sub(sigma, step));
    const index = f32x4.convert_i32x4_s(v128.load(indices));
    v128.store(out, exp4(step));
    v128.store(out + plane, ratio);
    v128.store(values, clamp4(f32x4.div(index, ratio), -4, 4));
    v128.store(values + plane, f32x4.add(log4(f32x4.add(f32x4.abs(index), f32x4.splat(1))), f32x4.splat(1)));
  }
}

/**
 * Add a frame's sent coefficients to its tokens: a convolution of planes of which most is zero.
 *
 * @param values [2, stride] as `steps` gives them; the first `count` are used
 * @param weights [2 patch, 3, width]: of values, of logarithms, and of being sent
 * @param width a multiple of four
 * @param x [tokens, width]
 */
export function enter(
  positions: usize, count: i32, values: usize, stride: i32, weights: usize, patch: i32, half: i32, width: i32, x: usize,
): void {
  const size = <usize>width * 4;
  for (let i = 0; i < count; i++, positions += 2, values += 4) {
    const k: i32 = load<u16>(positions);
    const second = k >= half;
    const inChannel = second ? k - half : k;
    const token = inChannel / patch;
    const column = inChannel - token * patch + (second ? patch : 0);
    const value = v128.load32_splat(values), magnitude = v128.load32_splat(values + <usize>stride * 4);
    let to = x + <usize>token * size;
    let w = weights + <usize>column * 3 * size;
    for (const end = to + size; to < end; to += 16, w += 16) {
      let sum = f32x4.add(v128.load(to), f32x4.mul(value, v128.load(w)));
      sum = f32x4.add(sum, f32x4.mul(magnitude, v128.load(w + size)));
      v128.store(to, f32x4.add(sum, v128.load(w + 2 * size)));
    }
  }
}

/**
 * The coefficients of a frame as if none was sent. Up to three floats after them are overwritten.
 *
 * @param heads [tokens, 3, 2, patch rounded up to a multiple of four]: factor, noise gain and residual of both channels
 * @param noise int8 [coefficients]
 * @param out [coefficients]
 */
export function unsent(heads: usize, tokens: i32, patch: i32, lnSigma: usize, noise: usize, out: usize): void {
  const channel = <usize>((patch + 3) & ~3) * 4;
  for (let c: usize = 0; c < 2; c++) {
    for (let token: usize = 0; token < <usize>tokens; token++) {
      const head = heads + (6 * token + c) * channel;
      const first = (c * tokens + token) * patch;
      for (let j: usize = 0; j < <usize>patch; j += 4) {
        const k = first + j, at = head + 4 * j;
        const moved = tanh4(v128.load(at + 4 * channel));
        const amplitude = exp4(clamp4(v128.load(at + 2 * channel), LOWEST, LOUDEST));
        const bytes = i16x8.extend_low_i8x16_s(v128.load32_zero(noise + k));
        const fill = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(bytes));
        const value = f32x4.add(moved, f32x4.mul(fill, amplitude));
        v128.store(out + 4 * k, f32x4.mul(exp4(v128.load(lnSigma + 4 * k)), value));
      }
    }
  }
}

/**
 * Put a frame's sent coefficients in their places.
 *
 * @param steps [2, count] as `steps` gives them; other arrays as in `steps` and `unsent`
 */
export function sent(
  positions: usize, indices: usize, count: i32, steps: usize, heads: usize, patch: i32, half: i32, noise: usize, out: usize,
): void {
  const channel = <usize>((patch + 3) & ~3);
  for (let i = 0; i < count; i += 4, positions += 8, indices += 16, steps += 16) {
    const a: usize = load<u16>(positions), b: usize = load<u16>(positions, 2);
    const c: usize = load<u16>(positions, 4), d: usize = load<u16>(positions, 6);
    const pa = place(a, patch, half, channel), pb = place(b, patch, half, channel);
    const pc = place(c, patch, half, channel), pd = place(d, patch, half, channel);
    const factor = gather(heads, pa, pb, pc, pd);
    const gain = gather(heads + 8 * channel, pa, pb, pc, pd);
    const residual = gather(heads + 16 * channel, pa, pb, pc, pd);
    const index = f32x4.convert_i32x4_s(v128.load(indices)), ratio = v128.load(steps + <usize>count * 4);
    const moved = f32x4.add(tanh4(residual), f32x4.mul(clamp4(index, -2, 2), tanh4(factor)));
    const seen = f32x4.min(f32x4.div(ratio, f32x4.splat(0.8)), f32x4.splat(0.3125));
    const zero = f32x4.mul(exp4(clamp4(gain, LOWEST, LOUDEST)), seen);
    const louder = f32x4.max(tanh4(f32x4.sub(gain, f32x4.splat(LN_NOISE))), f32x4.splat(0));
    const more = f32x4.mul(louder, f32x4.splat(0.0078125));
    const amplitude = v128.bitselect(zero, more, f32x4.lt(f32x4.abs(index), f32x4.splat(0.5)));
    let fill = f32x4.splat(<f32>load<i8>(noise + a));
    fill = f32x4.replace_lane(fill, 1, <f32>load<i8>(noise + b));
    fill = f32x4.replace_lane(fill, 2, <f32>load<i8>(noise + c));
    fill = f32x4.replace_lane(fill, 3, <f32>load<i8>(noise + d));
    let value = f32x4.add(index, f32x4.mul(moved, f32x4.splat(0.5)));
    value = f32x4.mul(v128.load(steps), f32x4.add(value, f32x4.mul(fill, amplitude)));
    v128.store32_lane(out + 4 * a, value, 0);
    v128.store32_lane(out + 4 * b, value, 1);
    v128.store32_lane(out + 4 * c, value, 2);
    v128.store32_lane(out + 4 * d, value, 3);
  }
}

/** Where a coefficient is in the first head of a frame. */
// @ts-ignore: decorator
@inline
function place(k: usize, patch: i32, half: i32, channel: usize): usize {
  const second = <i32>k >= half;
  const inChannel = second ? <i32>k - half : <i32>k;
  const token = inChannel / patch;
  return <usize>(6 * token) * channel + <usize>(inChannel - token * patch) + (second ? channel : 0);
}
