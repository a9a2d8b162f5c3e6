// @ts-check
/** Arrays of NumPy: .npy, and the .npz (a ZIP of them) that a model's tables are. */

import { inflateRawSync } from "node:zlib";

/** @typedef {{type: string, shape: number[], data: Buffer}} NumpyArray the numbers as bytes, row by row */

/** @type {Record<string, string>} */
const TYPES = { "<i4": "int32", "<u4": "uint32", "<i2": "int16", "<f8": "float64", "|i1": "int8" };

/**
 * Read a .npy file of version 1.0 in C order.
 * @param {Buffer} bytes
 * @returns {NumpyArray}
 */
export function readNpy(bytes) {
    if (bytes.toString("latin1", 0, 8) !== "\x93NUMPY\x01\x00") throw new Error("this is no .npy file of version 1.0");
    const end = 10 + bytes.readUInt16LE(8);
    const header = bytes.toString("latin1", 10, end);
    const type = TYPES[/'descr': '([^']+)'/.exec(header)?.[1] ?? ""];
    const shape = /'shape': \(([^)]*)\)/.exec(header)?.[1];
    if (!type || shape === undefined || !header.includes("'fortran_order': False")) throw new Error(`unknown array: ${header}`);
    return { type, shape: shape.split(",").filter((n) => n.trim()).map(Number), data: bytes.subarray(end) };
}

/**
 * Read the members of a .npz file, by name.
 * @param {Buffer} bytes
 * @returns {Map<string, NumpyArray>}
 */
export function readNpz(bytes) {
    const end = bytes.lastIndexOf("PK\x05\x06", undefined, "latin1");
    if (end < 0) throw new Error("this is no .npz file");
    const found = new Map();
    let at = bytes.readUInt32LE(end + 16);
    for (let left = bytes.readUInt16LE(end + 10); left > 0; left--) {
        const method = bytes.readUInt16LE(at + 10);
        const length = bytes.readUInt32LE(at + 20);
        const name = bytes.toString("utf8", at + 46, at + 46 + bytes.readUInt16LE(at + 28));
        const local = bytes.readUInt32LE(at + 42);
        const begin = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
        const stored = bytes.subarray(begin, begin + length);
        found.set(name.replace(/\.npy$/, ""), readNpy(method === 0 ? stored : inflateRawSync(stored)));
        at += 46 + bytes.readUInt16LE(at + 28) + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
    }
    return found;
}
