// Builds the page: dist/page, from page/. Its version, and the files that its service worker keeps, are put in with the models
// of a site (codec/player/page_files.py).
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build, transform } from "esbuild";

const COPIED = ["icon.svg", "manifest.webmanifest"];

/** The library is not bundled: it loads its worker and networks from beside itself. */
const library = {
    name: "library",
    /** @param {import("esbuild").PluginBuild} builder */
    setup(builder) {
        builder.onResolve({ filter: /^aez-player$/ }, () => ({ path: "./player/aez.js", external: true }));
    },
};

/**
 * @param {string} root folder of the package
 * @param {string} dist folder that holds the built library
 * @param {import("esbuild").BuildOptions} options of all that is bundled
 */
export async function buildPage(root, dist, options) {
    const source = join(root, "page");
    const target = join(dist, "page");
    await mkdir(target, { recursive: true });
    const entry = { entryPoints: [join(source, "page.ts")], outfile: join(target, "page.js"), plugins: [library] };
    await build({ ...options, ...entry });
    const css = await transform(await readFile(join(source, "page.css"), "utf8"), { loader: "css", minify: true });
    await writeFile(join(target, "page.css"), css.code);
    for (const name of COPIED) await cp(join(source, name), join(target, name));

    const html = await readFile(join(source, "index.html"), "utf8");
    await writeFile(join(target, "index.html"), html.replace(/>\s+</g, "><"));
    await build({ ...options, entryPoints: [join(source, "sw.ts")], outfile: join(target, "sw.js") });
}
