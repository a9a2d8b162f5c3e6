// @ts-check
/** Reads the arrays and the operators of an ONNX graph, which is a protobuf message (onnx.proto, ModelProto). */

/** @typedef {{type: number, shape: number[], data: Buffer}} OnnxArray little-endian numbers, row by row */

/** Numbers of fields. */
const GRAPH = 7;
const [NODE, INITIALIZER] = [1, 5];
const OP_TYPE = 4;
const [DIMS, DATA_TYPE, NAME, RAW_DATA] = [1, 2, 8, 9];
export const FLOAT = 1;

/**
 * The fields of a message.
 * @param {Buffer} bytes
 * @returns {Generator<{field: number, value: bigint, bytes: Buffer}>}
 */
function* fields(bytes) {
    let at = 0;
    const varint = () => {
        let value = 0n;
        for (let shift = 0n; ; shift += 7n) {
            const byte = bytes[at++];
            if (byte === undefined) throw new Error("this is no ONNX graph");
            value |= BigInt(byte & 127) << shift;
            if (byte < 128) return value;
        }
    };
    while (at < bytes.length) {
        const key = Number(varint());
        const [field, wire] = [key >> 3, key & 7];
        const value = wire === 0 || wire === 2 ? varint() : 0n;
        const length = { 1: 8, 2: Number(value), 5: 4 }[wire] ?? 0;
        if (![0, 1, 2, 5].includes(wire) || at + length > bytes.length) throw new Error("this is no ONNX graph");
        yield { field, value, bytes: bytes.subarray(at, (at += length)) };
    }
}

/**
 * The only message of a kind in another one.
 * @param {Buffer} bytes
 * @param {number} field
 */
function only(bytes, field) {
    const found = [...fields(bytes)].filter((one) => one.field === field);
    if (found.length !== 1 || !found[0]) throw new Error("this is no ONNX graph");
    return found[0].bytes;
}

/**
 * An array with its name; numbers that are not raw bytes leave it empty.
 * @param {Buffer} bytes
 * @returns {[string, OnnxArray]}
 */
function readArray(bytes) {
    let [name, type] = ["", 0];
    /** @type {Buffer} */
    let data = Buffer.alloc(0);
    /** @type {number[]} */
    const shape = [];
    for (const one of fields(bytes)) {
        if (one.field === DIMS) {
            if (one.bytes.length) throw new Error("this ONNX graph packs dimensions");
            shape.push(Number(one.value));
        } else if (one.field === DATA_TYPE) type = Number(one.value);
        else if (one.field === NAME) name = one.bytes.toString();
        else if (one.field === RAW_DATA) data = one.bytes;
    }
    return [name, { type, shape, data }];
}

/**
 * @param {Buffer} bytes of a .onnx file
 * @returns {{arrays: Map<string, OnnxArray>, operators: string[]}} initializers by name, and what each node does
 */
export function readOnnx(bytes) {
    const graph = [...fields(only(bytes, GRAPH))];
    const nodes = graph.filter(({ field }) => field === NODE);
    return {
        arrays: new Map(graph.filter(({ field }) => field === INITIALIZER).map((one) => readArray(one.bytes))),
        operators: nodes.map((node) => only(node.bytes, OP_TYPE).toString()),
    };
}

/**
 * The floats of an array.
 * @param {OnnxArray} array
 */
export function floatsOf({ data }) {
    return Float32Array.from({ length: data.length / 4 }, (_, i) => data.readFloatLE(4 * i));
}
