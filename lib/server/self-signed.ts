/** A certificate that nobody else knows: for who speaks HTTPS to keep secrets from passers-by, not to prove a name. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { Credentials } from './tls.ts';

const YEARS = 10;
/** Object identifiers in DER. */
const OIDS = {
  ecdsaWithSha256: '06082a8648ce3d040302',
  commonName: '0603550403',
  subjectAltName: '0603551d11',
  extendedKeyUsage: '0603551d25',
  serverAuth: '06082b06010505070301',
} as const;

/** An ECDSA P-256 certificate (RFC 5280) for a DNS name, and its key. @param now milliseconds since the epoch */
export function selfSigned(name: string, now: number): Credentials {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const expires = new Date(now);
  expires.setUTCFullYear(expires.getUTCFullYear() + YEARS);
  const algorithm = sequence(oid('ecdsaWithSha256'));
  const holder = sequence(der(0x31, sequence(oid('commonName'), der(0x0c, Buffer.from(name)))));
  const extensions = sequence(
    extension('subjectAltName', sequence(der(0x82, Buffer.from(name)))),
    extension('extendedKeyUsage', sequence(oid('serverAuth'))),
  );
  const serial = randomBytes(16);
  // Positive, and without a leading zero.
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  const certificate = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, serial),
    algorithm,
    holder,
    sequence(time(new Date(now)), time(expires)),
    holder,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions),
  );
  const signature = der(0x03, Buffer.of(0), sign('sha256', certificate, privateKey));
  const text = sequence(certificate, algorithm, signature).toString('base64').replace(/.{64}/g, '$&\n');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    expires,
  };
}

function extension(name: keyof typeof OIDS, value: Buffer): Buffer {
  return sequence(oid(name), der(0x04, value));
}

/** UTCTime up to 2049, then GeneralizedTime. */
function time(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return date.getUTCFullYear() < 2050
    ? der(0x17, Buffer.from(digits.slice(2)))
    : der(0x18, Buffer.from(digits));
}

function oid(name: keyof typeof OIDS): Buffer {
  return Buffer.from(OIDS[name], 'hex');
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, ...parts);
}

/** A value of DER (X.690), of at most 65535 bytes. */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  const { length } = value;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), value]);
}
