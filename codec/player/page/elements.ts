/** The elements of the page, by their ids, with their types. */

function find<E extends HTMLElement>(id: string, type: new () => E): E {
    const found = document.getElementById(id);
    if (!(found instanceof type)) throw new Error(`the page has no ${type.name} #${id}`);
    return found;
}

export const elements = {
    announcer: find("announcer", HTMLElement),
    artist: find("artist", HTMLElement),
    chunks: find("chunks", HTMLCanvasElement),
    controls: find("controls", HTMLElement),
    cover: find("cover", HTMLImageElement),
    facts: find("facts", HTMLElement),
    files: find("files", HTMLInputElement),
    heading: find("heading", HTMLElement),
    hint: find("hint", HTMLElement),
    keep: find("keep", HTMLButtonElement),
    length: find("length", HTMLElement),
    mini: find("mini", HTMLElement),
    miniPlay: find("mini-play", HTMLButtonElement),
    miniTitle: find("mini-title", HTMLButtonElement),
    more: find("more", HTMLButtonElement),
    mute: find("mute", HTMLButtonElement),
    next: find("next", HTMLButtonElement),
    open: find("open", HTMLButtonElement),
    play: find("play", HTMLButtonElement),
    position: find("position", HTMLElement),
    previous: find("previous", HTMLButtonElement),
    problem: find("problem", HTMLElement),
    search: find("search", HTMLInputElement),
    seek: find("seek", HTMLInputElement),
    songs: find("songs", HTMLOListElement),
    spectrogram: find("spectrogram", HTMLCanvasElement),
    title: find("title", HTMLElement),
    volume: find("volume", HTMLInputElement),
} as const;
