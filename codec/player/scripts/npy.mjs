// @ts-check
/** Arrays of NumPy: .npy files. */

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
