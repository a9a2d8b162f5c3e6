/** Where the bytes of a file come from. */
export interface Source {
    /** Bytes of the whole file. */
    readonly size: number;
    /** Whether reading costs nothing, so that nothing need be put off. */
    readonly local: boolean;
    /** Bytes fetched so far. */
    readonly fetched: number;
    /**
     * The bytes from `start` to below `end`, both within the file.
     *
     * @throws NetworkError: they cannot be had; an AbortError where the signal says so.
     */
    read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array>;
}
