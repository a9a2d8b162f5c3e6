/** Tags and pictures (formats/SPEC.md, "Metadata block", "Picture"). */

import { viewOf } from "../bytes.ts";
import { FormatError } from "../errors.ts";
import { unzstd, zstdContent } from "../payload/zstd.ts";
import { isSealed } from "./crc32c.ts";
import type { Header } from "./header.ts";

/** Bytes of the two lengths that the block begins with. */
export const METADATA_HEAD = 8;
const TAGS_LIMIT = 2 ** 20;
const TAGS_STORED_LIMIT = TAGS_LIMIT + 4096;
const PICTURES_LIMIT = 2 ** 24;
const PICTURE_COUNT = 64;
const PICTURE_HEAD = 8;
const FRONT_COVER = 3;

export type Tags = ReadonlyMap<string, readonly string[]>;

export interface Picture {
    /** What it shows, as in FLAC: 3 is the front cover. */
    readonly type: number;
    readonly mime: string;
    readonly description: string;
    readonly data: Uint8Array;
}

export interface MetadataLengths {
    readonly tags: number;
    readonly pictures: number;
    /** Bytes of the whole block. */
    readonly block: number;
}

function damaged(why: string): FormatError {
    return new FormatError(`the tags are damaged: ${why}`);
}

/** Read the lengths that the block begins with. */
export function readMetadataHead(bytes: Uint8Array): MetadataLengths {
    const view = viewOf(bytes);
    const [tags, pictures] = [view.getUint32(0, true), view.getUint32(4, true)];
    if (tags > TAGS_STORED_LIMIT || pictures > PICTURES_LIMIT) throw damaged("they are too long");
    return { tags, pictures, block: METADATA_HEAD + tags + pictures + 8 };
}

/** Bytes from the block's beginning to the pictures: the lengths, the tags, and their checksum. */
export function tagsBytes({ tags }: MetadataLengths): number {
    return METADATA_HEAD + tags + 4;
}

/** Read the tags, given all bytes before the pictures. */
export function readTags(sealed: Uint8Array, header: Header): Tags {
    if (!isSealed(sealed, header.crc)) throw damaged("their checksum does not match");
    const stored = sealed.subarray(METADATA_HEAD, -4);
    if (stored.length === 0) return new Map();
    const content = zstdContent(stored);
    if (content > TAGS_LIMIT) throw damaged("they are too long");
    let parsed: unknown;
    try {
        parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(unzstd(stored, content)));
    } catch (error) {
        if (error instanceof FormatError) throw error;
        throw damaged("they are no JSON in UTF-8");
    }
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw damaged("they are no JSON object");
    const tags = new Map<string, readonly string[]>();
    for (const [key, values] of Object.entries(parsed as Record<string, unknown>)) {
        if (!Array.isArray(values) || !values.every((value) => typeof value === "string")) {
            throw damaged("they are not strings");
        }
        if ([key, ...values].some((text) => UNPAIRED.test(text))) throw damaged("they are no Unicode text");
        const kept = values.map(untilNul).filter((value) => value !== "");
        if (key !== "" && !key.includes("\0") && kept.length > 0) tags.set(key, kept);
    }
    return tags;
}

const UNPAIRED = /\p{Surrogate}/u;

function untilNul(text: string): string {
    const end = text.indexOf("\0");
    return end < 0 ? text : text.slice(0, end);
}

/** Read all pictures, given their bytes and their checksum. */
export function readPictures(sealed: Uint8Array, header: Header): Picture[] {
    if (!isSealed(sealed, header.crc)) throw new FormatError("the pictures are damaged: their checksum does not match");
    const bytes = sealed.subarray(0, -4);
    const found: Picture[] = [];
    const view = viewOf(bytes);
    let count = 0;
    for (let at = 0; at < bytes.length; count++) {
        if (count === PICTURE_COUNT || at + PICTURE_HEAD > bytes.length) throw new FormatError("the pictures are damaged");
        const [length, type] = [view.getUint32(at, true), view.getUint8(at + 4)];
        const mime = at + PICTURE_HEAD;
        const description = mime + view.getUint8(at + 5);
        const data = description + view.getUint16(at + 6, true);
        at = data + length;
        if (at > bytes.length) throw new FormatError("the pictures are damaged");
        if (length === 0) continue;
        found.push({
            type: type > 20 ? 0 : type,
            mime: new TextDecoder("latin1").decode(bytes.subarray(mime, description)),
            description: untilNul(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(description, data))),
            data: bytes.subarray(data, at),
        });
    }
    return found;
}

/** The picture to show: the first front cover, or else the first one. */
export function coverOf(pictures: readonly Picture[]): Picture | null {
    return pictures.find(({ type }) => type === FRONT_COVER) ?? pictures[0] ?? null;
}
