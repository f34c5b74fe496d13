/** As parity.e2e.ts, where Metacontroller uses server-side apply. */
import { parity } from './parity.ts';

parity('server-side-apply');
