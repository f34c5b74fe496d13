/** Builds the images and runs them: `npm run test:image`. It takes minutes, root, and programs of Debian. */
import { globSync } from 'node:fs';
import { scriptArguments } from '../../lib/script.ts';
import { runTests } from '../run-tests.ts';
import { whatIsMissing } from './image.ts';

const USAGE = `npm run test:image -- [text...]

Builds the images and runs them, in those files alone whose names contain one of the texts. It takes minutes, and root.
`;

const { positionals } = scriptArguments(USAGE, { allowPositionals: true });
const missing = whatIsMissing();
if (missing.length > 0) {
  console.log(`SKIPPED: the tests of the images. There is no ${missing.join(', no ')}`);
  console.log(
    'On Debian, as root: apt-get install buildah containernetworking-plugins mmdebstrap openssl runc',
  );
} else await runTests(globSync('test/image/*.image.ts').sort(), positionals, { parallel: 1 });
