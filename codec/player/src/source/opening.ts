/** The two requests that open a song on a server, sent at the same time. */

/** Bytes asked for to begin with: header, usual tags, and at 12 kbit/s the first chunk. More would delay a slow line. */
export const FIRST_BYTES = 3584;
/** Bytes of the end: footer and trailer of up to 64 chunks, or ten minutes of music. */
export const LAST_BYTES = 288;

export const BEGINNING: RequestInit = { headers: { range: `bytes=0-${FIRST_BYTES - 1}` } };
/** Past the browser's cache, in which two requests for one address would wait for each other. */
export const END: RequestInit = { headers: { range: `bytes=-${LAST_BYTES}` }, cache: "no-store" };
