// @ts-check
/** Numbers as src/model/planes.ts reads them. */

/**
 * Numbers of four bytes as planes of their bytes, from the lowest to the highest.
 * @param {Buffer} numbers
 * @returns {Buffer}
 */
export function toPlanes(numbers) {
    const count = numbers.length / 4;
    return Buffer.from(numbers.map((_, i) => numbers[4 * (i % count) + Math.floor(i / count)] ?? 0));
}

/**
 * The bytes of an array of numbers.
 * @param {Float32Array | Int32Array} values
 */
export const bytesOf = (values) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
