import type { Connection } from './kubeconfig.ts';

/** Where a request goes, and its bytes. */
interface HttpRequest {
  readonly host: string;
  readonly port: string;
  readonly text: string;
}

export interface HttpResponse {
  readonly status: number;
  readonly body: string;
}

const SERVER = /^https:\/\/(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]+))?(\/[^?#\s]*)?$/;
const STATUS_LINE = /^HTTP\/1\.[01] ([0-9]{3})/;

/** A GET that is answered by one message and the end of the connection: HTTP/1.0 knows no other. Throws an Error. */
export function httpGet({ server, token }: Connection, path: string): HttpRequest {
  const [, address, name, port = '443', prefix = ''] = SERVER.exec(server) ?? [];
  const host = address ?? name;
  if (host === undefined) throw new Error(`${server}: no URL of an API server`);
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) throw new Error('the token is none');
  const lines = [
    `GET ${prefix.replace(/\/$/, '')}${path} HTTP/1.0`,
    `Host: ${address === undefined ? host : `[${host}]`}:${port}`,
    'Accept: application/json',
    'User-Agent: metaipam-cni',
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
  ];
  return { host, port, text: `${lines.join('\r\n')}\r\n\r\n` };
}

/** Takes an answer apart. Throws an Error if it is no HTTP/1 message. */
export function readHttpResponse(answer: string): HttpResponse {
  const status = STATUS_LINE.exec(answer)?.[1];
  const end = answer.indexOf('\r\n\r\n');
  if (status === undefined || end < 0) throw new Error('the API server answers no HTTP');
  return { status: Number(status), body: answer.slice(end + 4) };
}
