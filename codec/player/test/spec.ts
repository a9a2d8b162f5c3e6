/** The examples of formats/SPEC.md, read from the document itself. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./support.ts";

const SPEC = readFileSync(join(ROOT, "formats/SPEC.md"), "utf8");

/** The bytes of the blocks of hexadecimal digits under a heading; what follows a bar is a comment. */
export function example(heading: string): Uint8Array[] {
    const section = SPEC.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0];
    if (section === undefined) throw new Error(`SPEC.md has no heading ${heading}`);
    const blocks = section.split("\n```\n").filter((_, i) => i % 2 === 1);
    return blocks.map((block) => {
        const digits = block.split("\n").map((line) => line.split("|")[0]!).join(" ").trim();
        return Uint8Array.from(digits.split(/\s+/), (byte) => parseInt(byte, 16));
    });
}
