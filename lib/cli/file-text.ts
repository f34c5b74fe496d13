/** What files hold, however they were saved. */
import { constants } from 'node:buffer';
import { gunzipSync } from 'node:zlib';

/** What files of zip, Zstandard, xz, LZ4, 7-Zip and bzip2 begin with. */
const COMPRESSED = ['PK\x03\x04', '(\xb5/\xfd', '\xfd7zXZ', '\x04"M\x18', '7z\xbc\xaf', 'BZh'];
/** POSIX.1-1988 on. */
const TAR = { magic: 'ustar', offset: 257 };

/** Of what no string has room for, and no buffer. */
const TOO_LARGE = ['ERR_STRING_TOO_LONG', 'ERR_BUFFER_TOO_LARGE'];

/** Text by its first bytes: compressed by gzip, UTF-16 as PowerShell writes it, or UTF-8. */
export function fileText(bytes: Buffer): string | { problem: string; fix: string } {
  const [first, second] = bytes;
  if (bytes.toString('latin1', TAR.offset, TAR.offset + TAR.magic.length) === TAR.magic)
    return { problem: 'is a tar archive', fix: 'unpack it, and give its folder' };
  if (COMPRESSED.some((magic) => bytes.toString('latin1', 0, magic.length) === magic))
    return { problem: 'is compressed, and not by gzip', fix: 'unpack it first' };
  try {
    if (first === 0x1f && second === 0x8b) {
      return fileText(gunzipSync(bytes, { maxOutputLength: constants.MAX_STRING_LENGTH }));
    }
    if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le', { fatal: true }).decode(bytes);
    if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be', { fatal: true }).decode(bytes);
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (TOO_LARGE.includes(code)) return { problem: 'is larger than 512 MiB', fix: 'split it' };
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      return { problem: 'is no text in UTF-8', fix: 'save it as UTF-8' };
    return { problem: `is compressed by gzip, and cannot be read: ${message}`, fix: 'unpack it with gunzip' };
  }
}
