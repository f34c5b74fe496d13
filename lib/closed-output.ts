/** As a shell says of what SIGPIPE ends, which Node.js does not let happen. */
const ENDED_BY_SIGPIPE = 141;

/** Ends this process without a word once nobody reads what it writes any more, as after `| head`; else with one. */
export function endOnClosedOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(ENDED_BY_SIGPIPE);
      if (stream === process.stdout) process.stderr.write(`cannot write: ${error.message}\n`);
      process.exit(1);
    });
  }
}
