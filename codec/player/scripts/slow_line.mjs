// @ts-check
/** A slow line that all answers of a server share, as those of one listener do. */

/** Bytes sent at a time, and what the headers of an answer take. */
const PACKET = 1400;
const HEADERS = 300;

/** Delays answers as a line of some kbit/s would, with a round trip of so many milliseconds before each. */
export class SlowLine {
    #free = 0;

    /** @param {number} kbps Infinity for none @param {number} roundTrip */
    constructor(kbps, roundTrip) {
        this.kbps = kbps;
        this.roundTrip = roundTrip;
    }

    /**
     * Send an answer's body.
     * @param {import("node:http").ServerResponse} response
     * @param {Uint8Array} body
     */
    async send(response, body) {
        if (this.kbps === Infinity) return void response.end(body);
        await passed(performance.now() + this.roundTrip);
        await this.#take(HEADERS);
        for (let at = 0; at < body.length && !response.destroyed; at += PACKET) {
            const packet = body.subarray(at, at + PACKET);
            await this.#take(packet.length);
            response.write(packet);
        }
        response.end();
    }

    /** Wait until some bytes have gone over the line, after those of everybody who asked before. */
    #take(/** @type {number} */ bytes) {
        this.#free = Math.max(this.#free, performance.now()) + (8 * bytes) / this.kbps;
        return passed(this.#free);
    }
}

/** @param {number} time of performance.now() */
async function passed(time) {
    for (let left; (left = time - performance.now()) > 0; ) await new Promise((resolve) => setTimeout(resolve, left));
}
