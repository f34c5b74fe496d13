/** Builds the images and runs them: `npm run test:image`. It takes minutes, root, and programs of Debian. */
import { globSync } from 'node:fs';
import { runTests } from '../run-tests.ts';
import { whatIsMissing } from './image.ts';

const missing = whatIsMissing();
if (missing.length > 0) {
  console.log(`SKIPPED: the tests of the images. There is no ${missing.join(', no ')}`);
  console.log(
    'On Debian, as root: apt-get install buildah containernetworking-plugins mmdebstrap openssl runc',
  );
} else await runTests(globSync('test/image/*.image.ts').sort(), process.argv.slice(2), { parallel: 1 });
