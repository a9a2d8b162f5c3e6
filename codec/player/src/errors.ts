/** Everything that the library throws for a file, a model or a line that it cannot use. Aborts stay DOMExceptions. */
export class AezError extends Error {
    override name = "AezError";
}

/** The bytes are not an .aez file, are damaged, or need a newer reader. */
export class FormatError extends AezError {
    override name = "FormatError";
}

/** The file needs a model that is not beside the library, or the model's own files are wrong. */
export class ModelError extends AezError {
    override name = "ModelError";
}

/** Bytes could not be fetched. */
export class NetworkError extends AezError {
    override name = "NetworkError";
}

const FAMILY = { AezError, FormatError, ModelError, NetworkError };

/** What crosses from the worker to the page in place of an error. */
export interface ErrorMessage {
    readonly name: string;
    readonly message: string;
}

/** What an error says, whatever was thrown. */
export function messageOf(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}

/** An error in the form in which it crosses to the page. */
export function toMessage(error: unknown): ErrorMessage {
    return { name: error instanceof Error ? error.name : "AezError", message: messageOf(error) };
}

/** The error that a message stands for: of this family, or an abort. */
export function fromMessage({ name, message }: ErrorMessage): Error {
    if (name === "AbortError") return new DOMException(message, name);
    const Kind = FAMILY[name as keyof typeof FAMILY] ?? AezError;
    return new Kind(Kind === AezError && name !== "AezError" ? `${name}: ${message}` : message);
}
