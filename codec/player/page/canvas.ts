/** Canvases that keep the size of the page's layout, and the colours of its scheme. */

/** Give a canvas as many pixels as it takes on the screen; whether that changed it (and cleared it). */
export function fit(canvas: HTMLCanvasElement): boolean {
    const width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    const height = Math.max(1, Math.round(canvas.clientHeight * devicePixelRatio));
    if (canvas.width === width && canvas.height === height) return false;
    canvas.width = width;
    canvas.height = height;
    return true;
}

/** A colour of the style sheet. */
export function colour(name: string): string {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Call a function whenever sizes or colours may have changed. */
export function onRestyle(canvas: HTMLCanvasElement, draw: () => void): void {
    new ResizeObserver(draw).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
