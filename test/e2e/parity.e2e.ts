/** What the engine makes of manifests, and of what happens to them, is what a real cluster makes of it. */
import { examples, parity } from './parity.ts';

examples();
parity('dynamic-apply');
