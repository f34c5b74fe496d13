/** What files, pipes and devices hold, as long as a program has room for it. */
import { constants } from 'node:buffer';
import { closeSync, openSync, readSync } from 'node:fs';

/** Bytes. No text is longer, and what never ends, such as /dev/zero, is as long as one likes. */
const MOST = constants.MAX_STRING_LENGTH;
const CHUNK = 1 << 16;

export const TOO_LARGE = 'ERR_FS_FILE_TOO_LARGE';
export const TOO_LARGE_TEXT = 'is larger than 512 MiB';

/** All of it. Throws what system calls do, and an error with the code `TOO_LARGE`. */
export function readFileBytes(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    const gathered = new Gathered(path);
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK);
      const length = readSync(file, chunk);
      if (length === 0) return gathered.bytes();
      gathered.add(chunk.subarray(0, length));
    }
  } finally {
    closeSync(file);
  }
}

/** All of a stream. Throws an error with the code `TOO_LARGE`. */
export async function readBytes(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const gathered = new Gathered('what is read');
  for await (const chunk of stream) gathered.add(Buffer.from(chunk));
  return gathered.bytes();
}

class Gathered {
  readonly #chunks: Buffer[] = [];
  readonly #name: string;
  #length = 0;

  constructor(name: string) {
    this.#name = name;
  }

  add(chunk: Buffer): void {
    this.#length += chunk.length;
    if (this.#length > MOST)
      throw Object.assign(new Error(`${this.#name} ${TOO_LARGE_TEXT}`), { code: TOO_LARGE });
    this.#chunks.push(chunk);
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}
