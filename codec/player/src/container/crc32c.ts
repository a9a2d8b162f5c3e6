/** CRC-32C (Castagnoli), reflected, as every checksum of the format. */

import { viewOf } from "../bytes.ts";

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    return crc;
});

/**
 * The checksum of some bytes.
 *
 * @param before the checksum of the bytes that come before them.
 */
export function crc32c(bytes: Uint8Array, before = 0): number {
    let crc = ~before;
    for (let i = 0; i < bytes.length; i++) crc = TABLE[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
    return ~crc >>> 0;
}

/** Whether the last four bytes are the checksum of the others, which continues the checksum `before`. */
export function isSealed(bytes: Uint8Array, before: number): boolean {
    const end = bytes.length - 4;
    return crc32c(bytes.subarray(0, end), before) === viewOf(bytes).getUint32(end, true);
}
