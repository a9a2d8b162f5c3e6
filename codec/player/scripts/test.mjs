// @ts-check
/** Runs the tests, or those whose names have one of the words given, by Node's own runner. */

import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runSources } from "./sources.mjs";

const names = readdirSync(fileURLToPath(new URL("../test", import.meta.url))).filter((name) => name.endsWith(".test.ts"));
const wanted = process.argv.slice(2);
const chosen = wanted.length ? names.filter((name) => wanted.some((part) => name.includes(part))) : names;
// one process, so that all tests share a model
process.exitCode = await runSources(chosen.map((name) => `test/${name}`), ["--test"]);
