/** Numbers of four bytes as codec/player/model_files.py stores them: all lowest bytes, then the next higher ones, to the highest. So they compress better. */

/** The numbers of some planes, as unsigned ones. */
export function fromPlanes(planes: Uint8Array): Uint32Array<ArrayBuffer> {
    const count = planes.length >> 2;
    const words = new Uint32Array(count);
    for (let i = 0; i < count; i++) {
        words[i] = planes[i]! | (planes[count + i]! << 8) | (planes[2 * count + i]! << 16) | (planes[3 * count + i]! << 24);
    }
    return words;
}
