/** What comes out of the loudspeaker, for tests in a browser. */

/**
 * Record what is connected to a node, on the left, silence and all. It runs in the page: `page.addInitScript` or
 * `page.evaluate` takes its text, so that it has to be whole by itself.
 */
export async function record(context: AudioContext): Promise<{ node: AudioWorkletNode; recorded: number[] }> {
    const recorder = `registerProcessor("recorder", class extends AudioWorkletProcessor {
        process([[left]]) { this.port.postMessage(left ? left.slice() : new Float32Array(128)); return true; }
    });`;
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([recorder], { type: "text/javascript" })));
    const node = new AudioWorkletNode(context, "recorder");
    const recorded: number[] = [];
    node.port.onmessage = ({ data }: MessageEvent<Float32Array>) => data.forEach((sample) => recorded.push(sample));
    return { node, recorded };
}

/** The statement that gives it to a page, under its name. */
export const RECORD = `globalThis.record = ${record}`;
