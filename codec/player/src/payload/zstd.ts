/** One zstd frame and nothing else, by the official decoder compiled to WebAssembly. */

import { ZSTDDecoder } from "zstddec";
import { viewOf } from "../bytes.ts";
import { FormatError, messageOf } from "../errors.ts";

const decoder = new ZSTDDecoder();
const MAGIC = 0xfd2fb528;
const CONTENT_BYTES = [0, 2, 4, 8];

/** Make the decoder ready; await it once before `unzstd`. */
export function readyZstd(): Promise<void> {
    return decoder.init();
}

function damaged(why: string): FormatError {
    return new FormatError(`compressed bytes are damaged: ${why}`);
}

/** What the header of a frame says: the size of the content, and how long the header is. */
function frameHeader(bytes: Uint8Array): { content: number; header: number; checksum: number } {
    const view = viewOf(bytes);
    if (bytes.length < 6 || view.getUint32(0, true) !== MAGIC) throw damaged("they are no zstd frame");
    const descriptor = bytes[4]!;
    const single = (descriptor >> 5) & 1;
    const size = descriptor >> 6 === 0 ? single : CONTENT_BYTES[descriptor >> 6]!;
    if (descriptor & 3) throw damaged("they need a dictionary");
    if (size === 0) throw damaged("the size of the content is not stated");
    const at = 6 - single;
    if (bytes.length < at + size) throw damaged("they end early");
    const content = {
        1: () => view.getUint8(at),
        2: () => view.getUint16(at, true) + 256,
        4: () => view.getUint32(at, true),
        8: () => Number(view.getBigUint64(at, true)),
    }[size]!();
    return { content, header: at + size, checksum: descriptor & 4 };
}

/** Whether bytes begin as a frame does. */
export function isZstd(bytes: Uint8Array): boolean {
    return bytes.length >= 4 && viewOf(bytes).getUint32(0, true) === MAGIC;
}

/** The size of the content that a frame states. */
export function zstdContent(bytes: Uint8Array): number {
    return frameHeader(bytes).content;
}

/**
 * Decompress a frame.
 *
 * @param content the size that it must state; it is checked before anything is allocated.
 */
export function unzstd(bytes: Uint8Array, content: number): Uint8Array {
    const frame = frameHeader(bytes);
    if (frame.content !== content) throw damaged(`they state ${frame.content} bytes instead of ${content}`);
    let at = frame.header;
    for (let last = 0; !last; ) {
        if (at + 3 > bytes.length) throw damaged("they end early");
        const block = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
        last = block & 1;
        at += 3 + ((block >> 1) % 4 === 1 ? 1 : block >> 3);
    }
    if (at + frame.checksum !== bytes.length) throw damaged("there is not exactly one frame");
    if (content === 0) return new Uint8Array(); // the decoder takes 0 for a size that it has to find out
    let unpacked: Uint8Array;
    try {
        unpacked = decoder.decode(bytes, content);
    } catch (error) {
        throw damaged(messageOf(error));
    }
    if (unpacked.length !== content) throw damaged("they cannot be decompressed");
    return unpacked;
}
