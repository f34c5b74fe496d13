/**
 * A real control plane on loopback: etcd, kube-apiserver, kube-controller-manager and Metacontroller, with keys,
 * data and ports of its own. The programs come from $KUBEBUILDER_ASSETS, as for every envtest.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes, randomInt } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { Agent, request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseJson } from '../../lib/json.ts';
import { Watch } from './watch.ts';

export const ASSETS = process.env.KUBEBUILDER_ASSETS || '/usr/local/kubebuilder/bin';
const PROGRAMS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl', 'metacontroller'];

/** The programs that are not there. */
export function missingPrograms(): string[] {
  return PROGRAMS.filter((program) => !existsSync(join(ASSETS, program)));
}

const running = new Set<ChildProcess>();
const folders = new Set<string>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** A process of ours, with its output in a file. It does not outlive this one. */
export class Program {
  readonly name: string;
  readonly log: string;
  readonly #child: ChildProcess;
  readonly exited: Promise<number | null>;

  constructor(dir: string, name: string, command: string, args: string[], env: NodeJS.ProcessEnv = {}) {
    this.name = name;
    this.log = join(dir, `${name}.log`);
    const output = openSync(this.log, 'a');
    this.#child = spawn(command, args, {
      stdio: ['ignore', output, output],
      env: { ...process.env, ...env },
    });
    closeSync(output);
    running.add(this.#child);
    this.#child.on('exit', () => running.delete(this.#child));
    this.exited = new Promise((resolve) => {
      this.#child.on('exit', resolve);
      this.#child.on('error', () => resolve(-1));
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#child.pid !== undefined;
  }

  /** It does not keep this process, and is ended with it. */
  unref(): void {
    this.#child.unref();
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** SIGTERM, and SIGKILL when that takes longer than `patience` milliseconds. */
  async stop(patience = 3000): Promise<void> {
    if (!this.isRunning) return;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), patience);
    await this.exited;
    clearTimeout(timer);
  }

  /** The last lines of its output. */
  tail(lines = 20): string {
    return readFileSync(this.log, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever kind of object was asked for
  readonly body: any;
}

/** What another process needs to use a control plane. */
export interface Access {
  readonly dir: string;
  readonly apiPort: number;
  readonly token: string;
}

export class ControlPlane {
  readonly dir: string;
  readonly kubeconfig: string;
  readonly access: Access;
  readonly #agent: Agent;
  readonly #programs: Program[];
  readonly #watches = new Map<string, Watch>();

  private constructor(access: Access, programs: Program[], dir = access.dir) {
    this.dir = dir;
    this.access = access;
    this.#programs = programs;
    this.kubeconfig = join(dir, 'kubeconfig');
    const ca = join(access.dir, 'pki', 'apiserver.crt');
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: 64,
      ca: readFileSync(ca),
    });
    const server = `https://127.0.0.1:${access.apiPort}`;
    writeFileSync(this.kubeconfig, JSON.stringify(kubeconfig(server, ca, access.token)));
  }

  /** Uses a control plane that runs already, with a folder and programs of its own. `stop` leaves it running. */
  static attach(access: Access): ControlPlane {
    const dir = mkdtempSync(join(access.dir, 'use-'));
    symlinkSync(join(access.dir, 'pki'), join(dir, 'pki'));
    return new ControlPlane(access, [], dir);
  }

  /** Starts etcd and the API server. Nothing runs when this throws. */
  static async start(): Promise<ControlPlane> {
    const dir = mkdtempSync(join(tmpdir(), 'metaipam-e2e-'));
    if (!process.env.KEEP_E2E_LOGS) folders.add(dir);
    const programs: Program[] = [];
    try {
      const [etcdPort, peerPort, apiPort] = await freePorts(3);
      const etcd = start(programs, dir, 'etcd', [
        `--data-dir=${join(dir, 'etcd')}`,
        '--name=default',
        `--listen-client-urls=http://127.0.0.1:${etcdPort}`,
        `--advertise-client-urls=http://127.0.0.1:${etcdPort}`,
        `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
        `--initial-advertise-peer-urls=http://127.0.0.1:${peerPort}`,
        `--initial-cluster=default=http://127.0.0.1:${peerPort}`,
        '--log-level=warn',
      ]);
      await until('etcd', etcd, async () => (await fetch(`http://127.0.0.1:${etcdPort}/health`)).ok);

      const pki = join(dir, 'pki');
      mkdirSync(pki);
      const { privateKey, publicKey } = generateKeyPairSync('rsa', {
        modulusLength: 2048,
        privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
        publicKeyEncoding: { type: 'spki', format: 'pem' },
      });
      writeFileSync(join(pki, 'sa.key'), privateKey);
      writeFileSync(join(pki, 'sa.pub'), publicKey);
      const token = randomBytes(16).toString('hex');
      writeFileSync(join(pki, 'tokens.csv'), `${token},admin,admin,"system:masters"\n`);
      const apiserver = start(programs, dir, 'kube-apiserver', [
        `--etcd-servers=http://127.0.0.1:${etcdPort}`,
        '--bind-address=127.0.0.1',
        '--advertise-address=127.0.0.1',
        `--secure-port=${apiPort}`,
        `--cert-dir=${pki}`,
        `--token-auth-file=${join(pki, 'tokens.csv')}`,
        '--service-account-issuer=https://kubernetes.default.svc',
        `--service-account-key-file=${join(pki, 'sa.pub')}`,
        `--service-account-signing-key-file=${join(pki, 'sa.key')}`,
        '--service-cluster-ip-range=10.96.0.0/24',
        '--endpoint-reconciler-type=none',
        '--authorization-mode=RBAC',
        '--disable-admission-plugins=ServiceAccount',
      ]);
      // It writes the key when the certificate is complete.
      await until('kube-apiserver', apiserver, async () => existsSync(join(pki, 'apiserver.key')));
      const plane = new ControlPlane({ dir, apiPort: apiPort!, token }, programs);
      await until('kube-apiserver', apiserver, async () => {
        const { status } = await plane.api('GET', '/api/v1/namespaces/default');
        return status === 200;
      });
      return plane;
    } catch (error) {
      await stopAll(programs);
      throw error;
    }
  }

  /** All that were ever started. */
  get programs(): readonly Program[] {
    return this.#programs;
  }

  /** The garbage collector learns of kinds at its start: apply the CRDs before. */
  async startControllerManager(): Promise<void> {
    const [port] = await freePorts(1);
    const sa = join(this.dir, 'pki', 'sa.key');
    const manager = start(this.#programs, this.dir, 'kube-controller-manager', [
      `--kubeconfig=${this.kubeconfig}`,
      `--authentication-kubeconfig=${this.kubeconfig}`,
      `--authorization-kubeconfig=${this.kubeconfig}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
      `--cert-dir=${join(this.dir, 'pki')}`,
      '--leader-elect=false',
      `--service-account-private-key-file=${sa}`,
      '--controllers=garbage-collector-controller,namespace-controller,clusterrole-aggregation-controller,validatingadmissionpolicy-status-controller',
      '--concurrent-gc-syncs=20',
      // By default twenty requests a second, of which a namespace that goes takes forty.
      '--kube-api-qps=500',
      '--kube-api-burst=1000',
    ]);
    const agent = new Agent({ rejectUnauthorized: false });
    await until(
      'kube-controller-manager',
      manager,
      async () => (await call(agent, port!, 'GET', '/healthz')).status === 200,
    );
  }

  async startMetacontroller(name: string, args: string[] = []): Promise<Program> {
    const [health] = await freePorts(1);
    const program = start(
      this.#programs,
      this.dir,
      'metacontroller',
      [
        `--kubeconfig=${this.kubeconfig}`,
        '--metrics-address=0',
        `--health-probe-bind-address=127.0.0.1:${health}`,
        '--discovery-interval=2s',
        '--client-go-qps=300',
        '--client-go-burst=600',
        '--workers=10',
        ...args,
      ],
      name,
    );
    await until(name, program, async () => (await fetch(`http://127.0.0.1:${health}/healthz`)).ok);
    return program;
  }

  /** Runs any other program of the test, which ends with the control plane. */
  run(name: string, command: string, args: string[], env: NodeJS.ProcessEnv = {}): Program {
    const program = new Program(this.dir, name, command, args, env);
    this.#programs.push(program);
    return program;
  }

  /** One request, in the name of `user` if given. Errors of the API are answers too. */
  api(
    method: string,
    path: string,
    body?: unknown,
    contentType = 'application/json',
    user?: string,
  ): Promise<Answer> {
    return call(this.#agent, this.access.apiPort, method, path, {
      headers: {
        authorization: `Bearer ${this.access.token}`,
        'content-type': contentType,
        ...(user !== undefined && { 'impersonate-user': user }),
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  }

  /** Runs kubectl; its stdout, or an Error with its stderr. */
  kubectl(args: string[], stdin = ''): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn(join(ASSETS, 'kubectl'), ['--kubeconfig', this.kubeconfig, ...args], {
        env: { ...process.env, HOME: this.dir },
      });
      let stdout = '';
      let stderr = '';
      child.stdout.on('data', (data) => (stdout += data));
      child.stderr.on('data', (data) => (stderr += data));
      child.on('error', reject);
      child.on('close', (code) =>
        code === 0 ? resolve(stdout) : reject(new Error(`kubectl ${args.join(' ')}: ${stderr}`)),
      );
      child.stdin.end(stdin);
    });
  }

  /** The objects of a list's path, kept up to date by one watch for all who ask. */
  watch(path: string): Watch {
    let watch = this.#watches.get(path);
    if (watch === undefined) {
      watch = new Watch(this.access, path, this.#agent);
      this.#watches.set(path, watch);
    }
    return watch;
  }

  /** It does not keep this process, and is stopped with it. */
  unref(): void {
    for (const program of this.#programs) program.unref();
  }

  /** Stops watches, and what was started here: on a control plane that runs already, all but itself. */
  async stopPrograms(): Promise<void> {
    for (const watch of this.#watches.values()) watch.stop();
    await stopAll(this.#programs);
  }

  async stop(): Promise<void> {
    await this.stopPrograms();
    this.#agent.destroy();
    folders.delete(this.dir);
    if (!process.env.KEEP_E2E_LOGS) rmSync(this.dir, { recursive: true, force: true });
  }
}

/** No use in waiting any longer. */
export class Ended extends Error {
  constructor(program: Program) {
    super(`${program.name} has ended:\n${program.tail()}`);
  }
}

/** What wakes who waits: after some milliseconds, or with the next event, until it is aborted. */
export type Wake = number | ((signal: AbortSignal) => Promise<unknown>);

/** Without an event, check nevertheless: not everything that is waited for comes with one. Milliseconds. */
const HEARTBEAT_MS = 1000;

async function heartbeat(signal: AbortSignal): Promise<void> {
  await delay(HEARTBEAT_MS, undefined, { signal }).catch(() => {});
}

/** Checks, each time it is woken, until `check` is true; a throwing check counts as not yet, unless it throws Ended. */
export async function eventually(
  what: string,
  check: () => Promise<boolean>,
  seconds = 30,
  wake: Wake = 100,
): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  let last: unknown;
  do {
    const awake = new AbortController();
    const event = typeof wake === 'number' ? undefined : wake(awake.signal);
    try {
      const isTrue = await check().catch((error) => {
        if (error instanceof Ended) throw error;
        last = error;
      });
      if (isTrue) return;
      if (event !== undefined) await Promise.race([event, heartbeat(awake.signal)]);
      else await delay(wake as number);
    } finally {
      awake.abort();
    }
  } while (performance.now() < deadline);
  throw new Error(`${what}: not within ${seconds} s${last instanceof Error ? ` (${last.message})` : ''}`);
}

/** Where ports are looked for: below those that Linux gives to whoever connects. */
const PORTS = { first: 12_000, count: 20_000 };

/** Free ports of loopback. Others who ask at the same time draw from as many thousands that it hardly matters. */
export function freePorts(count: number): Promise<number[]> {
  return Promise.all(Array.from({ length: count }, freePort));
}

async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.first, PORTS.first + PORTS.count);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.on('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

function start(programs: Program[], dir: string, program: string, args: string[], name = program): Program {
  const started = new Program(dir, name, join(ASSETS, program), args);
  programs.push(started);
  return started;
}

async function until(name: string, program: Program, check: () => Promise<boolean>): Promise<void> {
  await eventually(name, async () => {
    if (!program.isRunning) throw new Ended(program);
    return check();
  });
}

async function stopAll(programs: Program[]): Promise<void> {
  for (const program of [...programs].reverse()) await program.stop();
}

function call(
  agent: Agent,
  port: number,
  method: string,
  path: string,
  { headers = {}, body = '' }: { headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ agent, host: '127.0.0.1', port, method, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (data) => (text += data));
      response.on('end', () => {
        const isJson = response.headers['content-type']?.includes('json');
        resolve({ status: response.statusCode ?? 0, body: isJson ? parseJson(text) : text });
      });
      response.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function kubeconfig(server: string, ca: string, token: string): object {
  const name = 'e2e';
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority': ca } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
}
