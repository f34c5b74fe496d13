/** As a shell says of what SIGPIPE ends, which Node.js does not let happen. */
const ENDED_BY_SIGPIPE = 141;

/** Ends this process without a word once nobody reads what it writes any more, as after `| head`. */
export function endOnClosedOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit(ENDED_BY_SIGPIPE);
    });
  }
}
