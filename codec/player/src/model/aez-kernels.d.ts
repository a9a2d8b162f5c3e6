/** The bytes that `scripts/kernels.mjs` compiles from assembly/ when the player is bundled. */
declare module "aez-kernels" {
    const wasm: Uint8Array<ArrayBuffer>;
    export default wasm;
}
