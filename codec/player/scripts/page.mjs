// Builds the page: dist/page, from page/ and from what is in dist already, which its service worker keeps offline.
import { createHash } from "node:crypto";
import { cp, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
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
    const kept = (await readdir(dist, { recursive: true, withFileTypes: true }))
        .filter((file) => file.isFile() && !/\.(d\.ts|map)$/.test(file.name))
        .map((file) => join(file.parentPath, file.name).slice(dist.length + 1).replaceAll("\\", "/"))
        .filter((name) => !/^page\/(index\.html|sw\.js)$/.test(name))
        .sort();
    const hash = createHash("sha256").update(html);
    for (const name of kept) hash.update(name).update(await readFile(join(dist, name)));
    const version = hash.digest("hex").slice(0, 16);
    await writeFile(join(target, "index.html"), html.replace("%VERSION%", version).replace(/>\s+</g, "><"));

    const addresses = kept.map((name) => (name.startsWith("page/") ? name.slice(5) : `player/${name}`));
    await build({
        ...options,
        entryPoints: [join(source, "sw.ts")],
        outfile: join(target, "sw.js"),
        define: { VERSION: JSON.stringify(version), FILES: JSON.stringify(["./", ...addresses]) },
    });
}
