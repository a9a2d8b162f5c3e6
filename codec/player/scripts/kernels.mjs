// @ts-check
/** Compiles the network's kernels: `import wasm from "aez-kernels"` gives their bytes, in whatever esbuild bundles. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const assembly = fileURLToPath(new URL("../assembly", import.meta.url));
const OPTIONS = ["-O3", "--converge", "--noAssert", "--runtime", "stub", "--enable", "simd"];
/** @type {Promise<Uint8Array> | undefined} */
let compiled;

async function compile() {
    /** @type {Uint8Array | undefined} */
    let wasm;
    const { error, stderr } = await asc.main(["index.ts", "--outFile", "kernels.wasm", ...OPTIONS], {
        readFile: (name) => {
            try {
                return readFileSync(join(assembly, name), "utf8");
            } catch {
                return null; // the compiler looks in several places
            }
        },
        writeFile: (name, contents) => {
            if (name === "kernels.wasm") wasm = /** @type {Uint8Array} */ (contents);
        },
    });
    if (error || !wasm) throw new Error(`the kernels cannot be compiled: ${error?.message}\n${stderr}`);
    return wasm;
}

/** @type {import("esbuild").Plugin} */
export const kernels = {
    name: "kernels",
    setup(builder) {
        builder.onResolve({ filter: /^aez-kernels$/ }, () => ({ path: "kernels.wasm", namespace: "kernels" }));
        builder.onLoad({ filter: /.*/, namespace: "kernels" }, async () => {
            compiled ??= compile();
            return { contents: await compiled, loader: "binary" };
        });
    },
};
