/** A whole .aez file behind a source: what it says of itself, and its chunks when they are needed. */

import { FormatError } from "../errors.ts";
import { chunkCount, chunkLength, chunkStart, codedSamples, frameCount } from "../grid.ts";
import type { Source } from "../source/source.ts";
import { Cache } from "./cache.ts";
import { CHUNK_HEAD, type ChunkPlace, readChunk } from "./chunk.ts";
import { HEADER_BYTES, type Header, readHeader } from "./header.ts";
import {
    METADATA_HEAD, type MetadataLengths, type Picture, readMetadataHead, readPictures, readTags, type Tags, tagsBytes,
} from "./metadata.ts";
import { chunkBytes, FOOTER_BYTES, readFooter, readTrailer, type Trailer, trailerBytes } from "./trailer.ts";

/** Pictures of more bytes are left on a server until they are asked for: the first sound would have to wait for them. */
const PICTURES_AT_ONCE = 1 << 11;
/** Bytes of chunks that are kept once they were fetched: hours of music. */
const CACHE_BYTES = 1 << 25;

/** Opens files and reads chunks, each checked. */
export class AezFile {
    readonly header: Header;
    readonly trailer: Trailer;
    readonly source: Source;
    readonly tags: Tags;
    /** Null where they were left on the server, and where they are damaged. */
    readonly loadedPictures: readonly Picture[] | null;
    #pictures: Promise<Picture[]> | null;
    readonly #lengths: MetadataLengths;
    readonly #offsets: Float64Array;
    readonly #cache = new Cache(CACHE_BYTES);
    readonly #closing = new AbortController();
    /** What breaks off the fetching of chunks that nobody has needed so far. */
    readonly #early = new Map<number, AbortController>();

    private constructor(source: Source, header: Header, lengths: MetadataLengths, metadata: Metadata, trailer: Trailer) {
        this.source = source;
        this.header = header;
        this.trailer = trailer;
        this.tags = metadata.tags;
        this.loadedPictures = metadata.pictures;
        this.#pictures = metadata.pictures && Promise.resolve(metadata.pictures);
        this.#lengths = lengths;
        this.#offsets = new Float64Array(trailer.lengths.length);
        let at = HEADER_BYTES + lengths.block;
        trailer.lengths.forEach((length, index) => {
            this.#offsets[index] = at;
            at += CHUNK_HEAD + length;
        });
    }

    /**
     * Read what a file says of itself.
     *
     * @throws FormatError: it is not an .aez file, is damaged, or was cut; NetworkError: it cannot be read.
     */
    static async open(source: Source, signal?: AbortSignal): Promise<AezFile> {
        const begin = await source.read(0, Math.min(HEADER_BYTES + METADATA_HEAD, source.size), signal);
        const header = readHeader(begin.subarray(0, HEADER_BYTES));
        if (begin.length < HEADER_BYTES + METADATA_HEAD) throw new FormatError("the file ends in its tags");
        const lengths = readMetadataHead(begin.subarray(HEADER_BYTES));
        if (HEADER_BYTES + lengths.block + FOOTER_BYTES > source.size) throw new FormatError("the file ends in its tags");
        const [metadata, trailer] = await Promise.all([
            readMetadata(source, header, lengths, signal),
            readEnd(source, header, signal),
        ]);
        const end = HEADER_BYTES + lengths.block + chunkBytes(trailer) + trailerBytes(trailer.lengths.length) + FOOTER_BYTES;
        if (end !== source.size) throw new FormatError("the file is damaged: its parts do not fill it");
        return new AezFile(source, header, lengths, metadata, trailer);
    }

    get chunks(): number {
        return this.trailer.lengths.length;
    }

    place(index: number): ChunkPlace {
        const { chunkFrames } = this.header;
        const [firstFrame, mostFrames] = [chunkStart(index, chunkFrames), chunkLength(index, chunkFrames)];
        return {
            index,
            offset: this.#offsets[index]!,
            length: this.trailer.lengths[index]!,
            firstFrame,
            frames: Math.min(mostFrames, this.trailer.frames - firstFrame),
            mostFrames,
        };
    }

    /** The chunks that are here already, by index. */
    get held(): number[] {
        return this.#cache.held;
    }

    /** The payload of a chunk, fetched once as long as the cache holds it. */
    chunk(index: number): Promise<Uint8Array> {
        this.#early.delete(index);
        return this.#fetch(index, this.#closing.signal);
    }

    /** Fetch a chunk that will be needed soon; whoever needs it will be told what went wrong. */
    async prefetch(index: number): Promise<void> {
        if (index >= this.chunks || this.#cache.has(index)) return;
        const breaking = new AbortController();
        const abort = (): void => breaking.abort(); // also once somebody needs it, and it is no longer early
        this.#closing.signal.addEventListener("abort", abort);
        this.#early.set(index, breaking);
        await this.#fetch(index, breaking.signal).catch(() => undefined);
        this.#closing.signal.removeEventListener("abort", abort);
        if (this.#early.get(index) === breaking) this.#early.delete(index);
    }

    /** Break off the fetching of chunks that nobody has needed so far, but for one: the line is for others now. */
    breakOff(except: number): void {
        for (const [index, breaking] of [...this.#early]) {
            if (index === except) continue;
            this.#cache.drop(index);
            this.#early.delete(index);
            breaking.abort();
        }
    }

    #fetch(index: number, signal: AbortSignal): Promise<Uint8Array> {
        return this.#cache.get(index, async () => {
            const place = this.place(index);
            const end = place.offset + CHUNK_HEAD + place.length;
            return readChunk(await this.source.read(place.offset, end, signal), place, this.header);
        });
    }

    /** All pictures; many bytes of them are fetched only now, and once more after a failure. An abort breaks that off. */
    async pictures(signal?: AbortSignal): Promise<Picture[]> {
        if (this.#pictures) return this.#pictures;
        const [begin, end] = [HEADER_BYTES + tagsBytes(this.#lengths), HEADER_BYTES + this.#lengths.block];
        signal?.throwIfAborted();
        const breaking = new AbortController();
        const abort = (): void => {
            breaking.abort();
            this.#pictures = null;
        };
        for (const by of [signal, this.#closing.signal]) by?.addEventListener("abort", abort);
        const reading = this.source.read(begin, end, breaking.signal).then((sealed) => readPictures(sealed, this.header));
        this.#pictures = reading;
        try {
            return await reading;
        } catch (error) {
            if (this.#pictures === reading) this.#pictures = null;
            throw error;
        } finally {
            for (const by of [signal, this.#closing.signal]) by?.removeEventListener("abort", abort);
        }
    }

    /** Break off what is still being fetched. */
    close(): void {
        this.#closing.abort();
        this.#early.clear();
        this.#cache.clear();
    }
}

interface Metadata {
    readonly tags: Tags;
    /** Null where they were left on the server. */
    readonly pictures: Picture[] | null;
}

async function readMetadata(
    source: Source, header: Header, lengths: MetadataLengths, signal?: AbortSignal,
): Promise<Metadata> {
    const [begin, tags] = [HEADER_BYTES, tagsBytes(lengths)];
    const later = lengths.pictures > PICTURES_AT_ONCE && !source.local;
    const block = await source.read(begin, begin + (later ? tags : lengths.block), signal);
    return {
        tags: readTags(block.subarray(0, tags), header),
        pictures: later ? null : goodPictures(block.subarray(tags), header),
    };
}

/** All pictures; null where they are damaged, which is no reason not to play: whoever asks for them is told. */
function goodPictures(sealed: Uint8Array, header: Header): Picture[] | null {
    try {
        return readPictures(sealed, header);
    } catch (error) {
        if (error instanceof FormatError) return null;
        throw error;
    }
}

/** Read the trailer, which the footer after it finds. */
async function readEnd(source: Source, header: Header, signal?: AbortSignal): Promise<Trailer> {
    const footer = source.size - FOOTER_BYTES;
    const likely = Math.max(0, footer - trailerBytes(likelyChunks(header))); // where it begins, so that one request will do
    const bytes = await source.read(likely, source.size, signal);
    const length = readFooter(bytes.subarray(bytes.length - FOOTER_BYTES));
    if (length > footer - HEADER_BYTES) throw new FormatError("the footer is damaged: the trailer is longer than the file");
    const begin = footer - length;
    if (begin >= likely) return readTrailer(bytes.subarray(begin - likely, footer - likely), header);
    return readTrailer(await source.read(begin, footer, signal), header);
}

function likelyChunks(header: Header): number {
    if (header.samples === null) return 64;
    const frames = frameCount(codedSamples(header.samples, header.sampleRate));
    return Math.min(1 << 16, chunkCount(frames, header.chunkFrames));
}
