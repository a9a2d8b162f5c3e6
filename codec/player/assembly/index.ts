/** The kernels of the decoder network; src/model/ lays out their memory and calls them. */

export { enter, sent, steps, unsent } from "./coefficients";
export { depthwise } from "./depthwise";
export { multiply } from "./matrix";

/** The first byte that is free. */
export function base(): usize {
  return __heap_base;
}
